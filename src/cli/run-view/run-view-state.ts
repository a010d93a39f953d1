/**
 * What the terminal shows of a run, folded from its events: plain data and one pure function. Times come
 * from the events, so the same events give the same state.
 */
import type { SerializedError } from "../../errors.ts";
import type { Progress } from "../../pipeline/stage.ts";
import type { OutputRecord, RunnerEvent } from "../../runner/event.ts";
import type { Reason } from "../../runner/plan-types.ts";
import { formatDuration } from "../../report/quantity.ts";
import { printable } from "../text-width.ts";
import { logLine } from "./log-line.ts";
import { observeRate, type Rate } from "./rate.ts";

export type StageState =
  "waiting" | "hit" | "running" | "locked" | "done" | "failed" | "interrupted" | "skipped";

export interface StageView {
  readonly id: string;
  readonly state: StageState;
  readonly needs: readonly string[];
  /** Milliseconds since the epoch. */
  readonly startedAt?: number;
  readonly expectedMs?: number;
  readonly resumeStep?: number;
  readonly checkpointStep?: number;
  /** It was asked to run although it is cached: where it is stopped, that result stays. */
  readonly hasResult?: boolean;
  readonly progress?: Progress;
  readonly rate?: Rate;
  readonly durationMs?: number;
  readonly outputs?: Readonly<Record<string, OutputRecord>>;
  readonly error?: SerializedError;
  /** Why it was skipped, or what it waits for. */
  readonly note?: string;
  /** The newest lines it printed, oldest first; at most `keptLogLines`. */
  readonly log: readonly string[];
}

export interface RunViewState {
  readonly pipeline: string;
  readonly config: string;
  readonly targets: readonly string[];
  readonly startedAt?: number;
  /** In topological order. */
  readonly stages: readonly StageView[];
  /** By id; where each is in `stages`. */
  readonly positions: ReadonlyMap<string, number>;
  /** What is prepared before planning, e.g. the engine. */
  readonly preparing?: string;
  readonly warnings: readonly string[];
  readonly stopping?: "gracefully" | "now";
  readonly finished?: {
    readonly status: "succeeded" | "failed" | "interrupted";
    readonly durationMs: number;
    readonly executed: number;
    readonly hits: number;
  };
}

/** What the view learns beside events: how the user asked to stop. */
export type RunViewAction = RunnerEvent | { readonly type: "stopping"; readonly how: "gracefully" | "now" };

export const emptyRunView: RunViewState = {
  pipeline: "",
  config: "",
  targets: [],
  stages: [],
  positions: new Map(),
  warnings: [],
};

/** Enough to show why a stage failed. */
export const keptLogLines = 20;

export function reduceRunView(state: RunViewState, action: RunViewAction): RunViewState {
  if (action.type !== "warning" && "stage" in action) {
    const position = state.positions.get(action.stage) ?? -1;
    const stage = state.stages[position];
    return stage === undefined
      ? state
      : { ...state, stages: state.stages.with(position, reduceStage(stage, action)) };
  }
  switch (action.type) {
    case "preparing":
      return { ...state, preparing: printable(action.message) };
    case "run-started": {
      const { preparing: _, ...rest } = state;
      return {
        ...rest,
        pipeline: action.pipeline,
        config: action.config,
        targets: action.targets,
        startedAt: Date.parse(action.at),
        stages: action.stages.map(({ id, needs }) => ({ id, needs, state: "waiting", log: [] })),
        positions: new Map(action.stages.map(({ id }, position) => [id, position])),
      };
    }
    case "stopping":
      return { ...state, stopping: action.how };
    case "warning": {
      const where = action.stage === undefined ? "" : `${action.stage}: `;
      return {
        ...state,
        warnings: [...state.warnings, `${action.code}: ${where}${printable(action.message)}`],
      };
    }
    case "run-finished": {
      const { status, durationMs, executed, hits } = action;
      return { ...state, finished: { status, durationMs, executed, hits } };
    }
  }
}

/** `failed (CODE: what); try 2 of 3 in 30 s, from step 400`. */
export function retryText(event: Extract<RunnerEvent, { readonly type: "stage-retry" }>): string {
  const { attempt, attempts, delayMs, error, resumeStep } = event;
  const from = resumeStep === undefined ? "" : `, from step ${resumeStep}`;
  return `failed (${error.code}: ${printable(error.message)}); try ${attempt} of ${attempts} in ${formatDuration(delayMs)}${from}`;
}

type StageEvent = Exclude<
  RunnerEvent,
  { readonly type: "preparing" | "run-started" | "warning" | "run-finished" }
>;

function reduceStage(stage: StageView, event: StageEvent): StageView {
  switch (event.type) {
    case "stage-hit":
      return { ...stage, state: "hit", outputs: event.outputs };
    case "stage-started":
      return {
        ...stage,
        state: "running",
        startedAt: Date.parse(event.at),
        ...(event.resumeStep === undefined ? {} : { resumeStep: event.resumeStep }),
        ...(isRepetition(event.reasons) ? { hasResult: true } : {}),
        ...(event.expectedMs === undefined ? {} : { expectedMs: event.expectedMs }),
      };
    case "stage-progress":
      return {
        ...running(stage),
        progress: event.progress,
        rate: observeRate(stage.rate, event.progress, Date.parse(event.at)),
      };
    case "stage-retry": {
      const { rate: _, ...rest } = stage;
      return { ...rest, log: [...stage.log, retryText(event)].slice(-keptLogLines) };
    }
    case "stage-checkpoint":
      return { ...running(stage), checkpointStep: event.step };
    case "stage-log": {
      const line = logLine(event);
      return line === "" ? stage : { ...running(stage), log: [...stage.log, line].slice(-keptLogLines) };
    }
    case "stage-finished":
      return { ...stage, state: "done", durationMs: event.durationMs, outputs: event.outputs };
    case "stage-failed":
      return { ...stage, state: "failed", error: event.error };
    case "stage-interrupted":
      return {
        ...stage,
        state: "interrupted",
        ...(event.checkpointStep === undefined ? {} : { checkpointStep: event.checkpointStep }),
      };
    case "stage-skipped":
      return { ...stage, state: "skipped", note: printable(event.because) };
    case "stage-waiting":
      return { ...stage, state: "locked", note: printable(event.message) };
  }
}

/** What waited in a cluster's queue speaks again: it runs. */
function running(stage: StageView): StageView {
  if (stage.state !== "locked") return stage;
  const { note: _, ...rest } = stage;
  return { ...rest, state: "running" };
}

const isRepetition = (reasons: readonly Reason[]): boolean =>
  reasons.length > 0 && reasons.every(({ code }) => code === "forced");
