/**
 * What a run leaves for other processes: the mark that it is alive, and all its events in one file. Progress is thinned
 * there to one report a second for each stage, and the newest is never lost; the log of a stage has them all. Hits, of
 * which there may be thousands at once, wait for each other or for the next event of another kind.
 */
import { closeSync, mkdirSync, openSync, writeFileSync } from "node:fs";
import type { RunnerEvent } from "./event.ts";
import { markLive, type RunRequestMark } from "./live-runs.ts";
import { eventsFile, runDirectory } from "./run-files.ts";

const PROGRESS_MS = 1000;

type ProgressEvent = Extract<RunnerEvent, { type: "stage-progress" }>;

interface Pace {
  writtenAt: number;
  held?: ProgressEvent;
  timer?: NodeJS.Timeout;
}

export class RunRecorder {
  readonly #paces = new Map<string, Pace>();
  readonly #onEvent: (event: RunnerEvent) => void;
  readonly #unmark: () => void;
  #file: number | undefined;
  /** Lines of hits. */
  #waiting = "";
  #flush: NodeJS.Immediate | undefined;

  /** Every event goes into the file, and then to `onEvent`. */
  constructor(
    cacheDirectory: string,
    request: RunRequestMark,
    onEvent: (event: RunnerEvent) => void = () => undefined,
  ) {
    this.#onEvent = onEvent;
    mkdirSync(runDirectory(cacheDirectory, request.runId), { recursive: true });
    // Exclusively: two runs of one id would tell one story.
    this.#file = openSync(eventsFile(cacheDirectory, request.runId), "ax");
    this.#unmark = markLive(cacheDirectory, request);
  }

  readonly record = (event: RunnerEvent): void => {
    if (event.type === "stage-progress") this.#progress(event);
    else {
      if (endsStage(event)) this.#forget(event.stage);
      this.#write(event);
    }
    this.#onEvent(event);
  };

  #progress(event: ProgressEvent): void {
    const pace = this.#paces.get(event.stage) ?? { writtenAt: -Infinity };
    this.#paces.set(event.stage, pace);
    const wait = pace.writtenAt + PROGRESS_MS - performance.now();
    if (wait <= 0) {
      clearTimeout(pace.timer);
      this.#paces.set(event.stage, { writtenAt: performance.now() });
      this.#write(event);
      return;
    }
    pace.held = event;
    pace.timer ??= setTimeout(() => {
      this.#paces.set(event.stage, { writtenAt: performance.now() });
      if (pace.held !== undefined) this.#write(pace.held);
    }, wait).unref();
  }

  /** What it reported last says less than how it ended. */
  #forget(stage: string): void {
    clearTimeout(this.#paces.get(stage)?.timer);
    this.#paces.delete(stage);
  }

  /** A line is in the file even if the runner is killed right after, but for hits: the next run finds them again. */
  #write(event: RunnerEvent): void {
    if (this.#file === undefined) return;
    this.#waiting += `${JSON.stringify(event)}\n`;
    if (event.type === "stage-hit") this.#flush ??= setImmediate(() => this.#writeWaiting());
    else this.#writeWaiting();
  }

  #writeWaiting(): void {
    clearImmediate(this.#flush);
    this.#flush = undefined;
    const lines = this.#waiting;
    this.#waiting = "";
    if (this.#file === undefined || lines === "") return;
    try {
      writeFileSync(this.#file, lines);
    } catch (error) {
      // A full disk must not end the run: that is for what it makes to decide.
      this.#close();
      this.#onEvent({
        at: new Date().toISOString(),
        type: "warning",
        code: "EVENTS_NOT_KEPT",
        message: `events of this run are no longer written down, and attach does not see them: ${error instanceof Error ? error.message : String(error)}`,
      });
    }
  }

  #close(): void {
    if (this.#file !== undefined) closeSync(this.#file);
    this.#file = undefined;
  }

  end(): void {
    for (const stage of [...this.#paces.keys()]) this.#forget(stage);
    this.#writeWaiting();
    this.#close();
    this.#unmark();
  }
}

const endsStage = (
  event: RunnerEvent,
): event is Extract<RunnerEvent, { type: "stage-finished" | "stage-failed" | "stage-interrupted" }> =>
  event.type === "stage-finished" || event.type === "stage-failed" || event.type === "stage-interrupted";
