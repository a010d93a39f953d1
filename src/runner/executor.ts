/**
 * Where stage processes run: as children of the runner (executors/local.ts) or as jobs of a cluster. An executor
 * starts one execution and reports how it ends; caching, locks and commits are the runner's alone. Types only.
 */
import type { SerializedError } from "../errors.ts";
import type { Resources } from "../pipeline/stage.ts";
import type { JsonObject } from "../std/json.ts";
import type { Capacity, Grant } from "./resource-queue.ts";
import type { MessageFromStage, StageJob } from "./stage-protocol.ts";

/** What a stage says while it runs. */
export type StageReport = Exclude<MessageFromStage, { type: "ready" | "done" | "failed" }>;

/** How an execution ends is a value: nothing throws because a stage failed. */
export type StageResult =
  /** Output name → summary. */
  | { readonly outcome: "done"; readonly outputs: Readonly<Record<string, JsonObject>> }
  | { readonly outcome: "failed"; readonly error: SerializedError };

export interface StageLaunch {
  readonly stage: string;
  readonly fingerprint: string;
  readonly runId: string;
  /** Its output directories lie below what `workDirectory` gave. */
  readonly job: StageJob;
  readonly resources: Resources;
  /** What the scheduler granted on the runner's machine. */
  readonly grant: Grant;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly onReport: (report: StageReport) => void;
  readonly onLine: (stream: "stdout" | "stderr", line: string) => void;
}

export interface RunningStage {
  readonly result: Promise<StageResult>;
  /** Asks the stage to write a checkpoint and end. Native work may delay the answer. */
  interrupt(): void;
  /** Ends it and everything it started, now. */
  kill(): void;
}

export interface WorkDirectory {
  readonly path: string;
  /** Called when the execution was committed or has failed for good. */
  readonly dispose: () => Promise<void>;
}

export interface Executor {
  readonly name: "local" | "slurm";
  /** What the scheduler hands out: this machine's, or more where another scheduler queues by itself. */
  readonly capacity: Capacity;
  /** Where the execution of a fingerprint writes its outputs; on the store's file system. */
  workDirectory(fingerprint: string): Promise<WorkDirectory>;
  launch(launch: StageLaunch): Promise<RunningStage>;
}
