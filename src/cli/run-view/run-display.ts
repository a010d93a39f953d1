/**
 * How a run is shown, whoever runs it: as a live view on a terminal, as plain lines elsewhere, as JSON lines
 * on request. Below it stands its summary.
 */
import { columnsOf, note, print, type CliContext, type RecipeOptions } from "../cli-context.ts";
import { errorText } from "../error-text.ts";
import { LineBatch } from "../line-batch.ts";
import { recipeFlags } from "../recipe-flags.ts";
import { shellCommand } from "../../std/shell-command.ts";
import { createPlainRunLog } from "./plain-run-log.ts";
import { stoppingText } from "./render-run-view.ts";
import { runSummary } from "./run-summary.ts";
import {
  emptyRunView,
  reduceRunView,
  retryText,
  type RunViewAction,
  type RunViewState,
} from "./run-view-state.ts";

/** What was asked for; the summary says how to ask again. */
export interface RunDisplayRequest extends RecipeOptions {
  readonly targets: readonly string[];
  readonly until?: readonly string[];
  readonly only?: readonly string[];
  readonly keepGoing?: boolean;
  readonly json?: boolean | undefined;
}

export interface RunDisplay {
  /** `past`: it happened before anybody looked; it counts, and is not told by itself. */
  readonly dispatch: (action: RunViewAction, past?: boolean) => void;
  readonly state: () => RunViewState;
  /** Tells a person something beside the run. */
  readonly say: (text: string) => void;
  /** Gives the terminal back; the last frame stays, and the summary is printed unless nobody wants it. */
  readonly end: (options?: { readonly summary: boolean }) => void;
}

export async function createRunDisplay(context: CliContext, request: RunDisplayRequest): Promise<RunDisplay> {
  if (request.json === true) return jsonDisplay(context);
  if (!showsLive(context)) return plainDisplay(context, request);
  const { createLiveRunView } = await import("./live-run-view.ts");
  const view = createLiveRunView(context.streams.stdout, context.paint);
  return {
    dispatch: view.dispatch,
    state: view.state,
    say: view.say,
    end: ({ summary } = { summary: true }) => {
      view.end();
      if (summary) printSummary(context, view.state(), request);
    },
  };
}

/** A view that is drawn again and again needs a terminal; a log of CI keeps every frame. */
export const showsLive = ({ streams, env }: CliContext): boolean =>
  streams.stdout.isTTY === true && env["TERM"] !== "dumb" && !isTruthy(env["CI"]);

/** Events on standard output, one JSON document a line; what a person must not miss also on standard error. */
function jsonDisplay(context: CliContext): RunDisplay {
  const { errorPaint: paint, verbose } = context;
  const lines = new LineBatch(context);
  let state = emptyRunView;
  return {
    dispatch: (action) => {
      state = reduceRunView(state, action);
      if (action.type === "stopping") {
        note(context, stoppingText[action.how]);
        return;
      }
      lines.print(JSON.stringify(action), action.type === "stage-hit");
      if (action.type === "warning")
        note(context, `${paint("yellow", "warning")} ${action.code}: ${action.message}`);
      if (action.type === "stage-retry") note(context, `${action.stage}: ${retryText(action)}`);
      if (action.type === "stage-failed")
        note(context, `${action.stage}: ${errorText(action.error, { paint, verbose })}`);
    },
    state: () => state,
    say: (text) => note(context, text),
    end: () => lines.flush(),
  };
}

/** For pipes and files. */
export function plainDisplay(context: CliContext, request: RunDisplayRequest): RunDisplay {
  const log = createPlainRunLog();
  const lines = new LineBatch(context);
  let state = emptyRunView;
  return {
    dispatch: (action, past = false) => {
      state = reduceRunView(state, action);
      if (action.type === "stopping") lines.print(stoppingText[action.how]);
      else if (!past)
        for (const line of log.lines(action, state)) lines.print(line, action.type === "stage-hit");
    },
    state: () => state,
    say: (text) => lines.print(text),
    end: ({ summary } = { summary: true }) => {
      lines.flush();
      if (summary) printSummary(context, state, request);
    },
  };
}

function printSummary(context: CliContext, state: RunViewState, request: RunDisplayRequest): void {
  if (state.startedAt !== undefined) print(context, `\n${summaryText(context, state, request)}`);
}

/** What a run came to, its artifacts, and what to do next. */
export function summaryText(context: CliContext, state: RunViewState, request: RunDisplayRequest): string {
  const recipe = recipeFlags(request);
  const { targets, until = [], only = [], keepGoing = false } = request;
  // Without --force and --from: what they made is cached by now.
  const selected = [
    ...until.flatMap((stage) => ["--until", stage]),
    ...only.flatMap((stage) => ["--only", stage]),
    ...(keepGoing ? ["--keep-going"] : []),
  ];
  const pipeline = (...words: readonly string[]) => shellCommand(["npx", "pipeline", ...words, ...recipe]);
  const spoken = context.textGenerators.stageIds.some((id) => state.stages.some((stage) => stage.id === id));
  const last = state.stages.at(-1)?.id;
  return runSummary(state, {
    columns: columnsOf(context.streams.stdout),
    paint: context.paint,
    verbose: context.verbose,
    again: pipeline("run", ...targets, ...selected),
    next: [
      ...(spoken
        ? ([
            [pipeline("generate", "Once upon a time"), "let the model continue a text"],
            [pipeline("chat"), "talk to it"],
          ] as const)
        : []),
      ...(last === undefined ? [] : [[pipeline("lineage", last), "see where a result came from"] as const]),
    ],
  });
}

function isTruthy(value: string | undefined): boolean {
  return value !== undefined && value !== "" && value !== "0" && value !== "false";
}
