/** The run on a terminal: the rendered view, drawn again when an event, the clock or a resize asks for it. */
import { createLogUpdate } from "log-update";
import { columnsOf, type OutputStream } from "../cli-context.ts";
import type { Paint } from "../paint.ts";
import { renderRunView } from "./render-run-view.ts";
import { emptyRunView, reduceRunView, type RunViewAction, type RunViewState } from "./run-view-state.ts";

export interface LiveRunView {
  readonly state: () => RunViewState;
  readonly dispatch: (action: RunViewAction) => void;
  /** Writes lines above the view. */
  readonly say: (text: string) => void;
  /** Leaves the last frame on the screen and gives the terminal back. */
  readonly end: () => void;
}

/** Often enough to look alive, seldom enough to cost nothing. */
const frameMs = 100;
const clockMs = 1000;

export function createLiveRunView(stream: OutputStream, paint: Paint): LiveRunView {
  const update = createLogUpdate(stream);
  let state = emptyRunView;
  let drawnAt = 0;
  let pending: NodeJS.Timeout | undefined;

  const draw = () => {
    clearTimeout(pending);
    pending = undefined;
    drawnAt = Date.now();
    if (state === emptyRunView) return; // nothing has been heard of the run yet
    // One line stays free for the cursor.
    const rows = Math.max(1, (stream.rows ?? 24) - 1);
    update(renderRunView(state, { columns: columnsOf(stream), rows, now: drawnAt, paint }));
  };
  const soon = () => {
    pending ??= setTimeout(draw, Math.max(0, drawnAt + frameMs - Date.now()));
  };
  // A narrower terminal has wrapped what stands on it: no one knows which lines are ours any more.
  const resized = () => {
    stream.write("\u001B[2J\u001B[H");
    update.done();
    draw();
  };
  const clock = setInterval(soon, clockMs);
  stream.on("resize", resized);

  return {
    state: () => state,
    dispatch(action) {
      state = reduceRunView(state, action);
      soon();
    },
    say(text) {
      update.clear();
      stream.write(`${text}\n`);
      draw();
    },
    end() {
      clearInterval(clock);
      stream.off("resize", resized);
      clearTimeout(pending);
      // The last frame stays on the screen, whole even where the screen was too low for it.
      update.clear();
      update.done();
      if (state.stages.length > 0)
        stream.write(`${renderRunView(state, { columns: columnsOf(stream), now: Date.now(), paint })}\n`);
    },
  };
}
