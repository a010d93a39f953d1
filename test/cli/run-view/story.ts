/** A run as a list of events with a clock, so that tests can say what happened when. Not a test. */
import type { OutputRecord, RunnerEvent } from "../../../src/runner/event.ts";
import type { PlannedStage } from "../../../src/runner/plan-types.ts";
import {
  emptyRunView,
  reduceRunView,
  type RunViewAction,
  type RunViewState,
} from "../../../src/cli/run-view/run-view-state.ts";

/** `Omit` that keeps a union a union. */
type Without<T, Key extends string> = T extends unknown ? Omit<T, Key> : never;
export type EventWithoutTime = Without<RunnerEvent, "at">;

export const startedAt = Date.parse("2026-01-02T03:04:05.000Z");

/** `seconds` after the start. */
export function at(seconds: number, event: EventWithoutTime): RunnerEvent {
  return { ...event, at: new Date(startedAt + seconds * 1000).toISOString() };
}

export function planned(id: string, ...needs: string[]): PlannedStage {
  return { id, name: id, decision: "run", reasons: [], fingerprint: null, needs };
}

export const output = (path: string, summary: OutputRecord["summary"] = {}): OutputRecord => ({
  digest: "d".repeat(64),
  sizeBytes: 5_200_000,
  summary,
  path,
});

export const corpusThenModel: RunnerEvent = at(0, {
  type: "run-started",
  runId: "r1",
  pipeline: "minilm",
  config: "configs/tiny.yaml",
  targets: ["dpo"],
  stages: [planned("corpus"), planned("pretrain", "corpus"), planned("dpo", "pretrain")],
});

export const corpusHit: RunnerEvent = at(0, {
  type: "stage-hit",
  stage: "corpus",
  fingerprint: "f1",
  outputs: { text: output("artifacts/corpus/text", { documents: 1234, languages: "en, zh" }) },
});

export const pretrainStarted: RunnerEvent = at(1, {
  type: "stage-started",
  stage: "pretrain",
  fingerprint: "f2",
  reasons: [{ code: "never-ran", message: "it has never run" }],
});

export function pretrainAt(seconds: number, step: number): RunnerEvent {
  return at(seconds, {
    type: "stage-progress",
    stage: "pretrain",
    progress: {
      done: step,
      total: 400,
      unit: "steps",
      metrics: { learningRate: 0.002, loss: 9 - step / 100, tokensPerSecond: 10_500 },
    },
  });
}

export function fold(...actions: readonly RunViewAction[]): RunViewState {
  return actions.reduce(reduceRunView, emptyRunView);
}
