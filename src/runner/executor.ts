/**
 * Where stage processes run: as children of the runner (executors/local.ts) or as jobs of a cluster. An executor
 * starts one execution and reports how it ends; caching, locks and commits are the runner's alone. Types only.
 */
import type { SerializedError } from "../errors.ts";
import type { Resources } from "../pipeline/stage.ts";
import type { JsonObject } from "../std/json.ts";
import type { Capacity, Grant } from "./resource-queue.ts";
import type { StageReport } from "./stage-channel.ts";
import type { StageJob } from "./stage-protocol.ts";

/** How an execution ends is a value: nothing throws because a stage failed. */
export type StageResult =
  | {
      readonly outcome: "done";
      /** Output name → summary. */
      readonly outputs: Readonly<Record<string, JsonObject>>;
      /** Where that was not just now. */
      readonly endedAt?: Date;
    }
  | { readonly outcome: "failed"; readonly error: SerializedError };

export type LaunchReport =
  | StageReport
  /** It is in a queue that is not the runner's. */
  | { readonly type: "waiting"; readonly message: string };

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
  readonly onReport: (report: LaunchReport) => void;
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
  /** When an earlier run began this execution, which goes on or is over: `launch` follows it and starts nothing. */
  readonly begun: Date | undefined;
  /** Called when the execution was committed or has failed for good. */
  readonly dispose: () => Promise<void>;
}

export interface Executor {
  readonly name: "local" | "slurm";
  /** What the scheduler hands out: this machine's, or more where another scheduler queues by itself. */
  readonly capacity: Capacity;
  /**
   * Where the execution of a fingerprint writes its outputs; on the store's file system. The caller holds the lock of
   * the fingerprint. `anew`: what an earlier run began is ended first.
   */
  workDirectory(fingerprint: string, anew: boolean): Promise<WorkDirectory>;
  launch(launch: StageLaunch): Promise<RunningStage>;
}
