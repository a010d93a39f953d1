/**
 * The only channel between the runner and everything that shows or records a run: one JSON-serialisable
 * union. The terminal, `--json`, logs and reports consume it and know nothing else of the runner.
 */
import type { SerializedError } from "../errors.ts";
import type { Progress } from "../pipeline/stage.ts";
import type { JsonObject } from "../std/json.ts";
import type { PlannedStage } from "./plan-types.ts";

export interface OutputRecord {
  readonly digest: string;
  readonly sizeBytes: number;
  readonly summary: JsonObject;
  /** Where a person opens it, relative to the project. */
  readonly path: string;
}

interface Base {
  /** ISO 8601, for people and logs only. */
  readonly at: string;
}

export type RunnerEvent =
  | (Base & {
      readonly type: "run-started";
      readonly runId: string;
      readonly pipeline: string;
      readonly config: string;
      readonly targets: readonly string[];
      readonly stages: readonly PlannedStage[];
    })
  /** Something the pipeline needs before planning, e.g. installing the engine. */
  | (Base & { readonly type: "preparing"; readonly message: string })
  | (Base & {
      readonly type: "stage-hit";
      readonly stage: string;
      readonly fingerprint: string;
      readonly outputs: Readonly<Record<string, OutputRecord>>;
    })
  | (Base & {
      readonly type: "stage-started";
      readonly stage: string;
      readonly fingerprint: string;
      readonly reasons: PlannedStage["reasons"];
      /** The checkpoint's step that it goes on from. */
      readonly resumeStep?: number;
      /** Milliseconds that it will take by what it took before (predict.ts), where anything is known. */
      readonly expectedMs?: number;
    })
  /** It failed and is started again after a pause, because its definition says so. */
  | (Base & {
      readonly type: "stage-retry";
      readonly stage: string;
      /** The try that comes; the first one was 1. */
      readonly attempt: number;
      readonly attempts: number;
      readonly delayMs: number;
      readonly error: SerializedError;
      /** The checkpoint's step that it goes on from. */
      readonly resumeStep?: number;
    })
  | (Base & { readonly type: "stage-progress"; readonly stage: string; readonly progress: Progress })
  | (Base & { readonly type: "stage-checkpoint"; readonly stage: string; readonly step: number })
  | (Base & {
      readonly type: "stage-log";
      readonly stage: string;
      readonly stream: "log" | "stdout" | "stderr";
      readonly line: string;
    })
  | (Base & {
      readonly type: "stage-finished";
      readonly stage: string;
      readonly fingerprint: string;
      /** In this run. */
      readonly durationMs: number;
      readonly outputs: Readonly<Record<string, OutputRecord>>;
    })
  | (Base & { readonly type: "stage-failed"; readonly stage: string; readonly error: SerializedError })
  /** Stopped on request; `checkpointStep` is where the next run goes on. */
  | (Base & { readonly type: "stage-interrupted"; readonly stage: string; readonly checkpointStep?: number })
  /** Not started, because a stage it needs failed or was interrupted. */
  | (Base & { readonly type: "stage-skipped"; readonly stage: string; readonly because: string })
  /** It waits: for another runner that makes the same, or in the queue of a cluster. */
  | (Base & { readonly type: "stage-waiting"; readonly stage: string; readonly message: string })
  /** Not fatal, never silent: a corrupt artifact became a miss, a stale lock was healed. */
  | (Base & {
      readonly type: "warning";
      readonly code: string;
      readonly message: string;
      readonly stage?: string;
    })
  | (Base & {
      readonly type: "run-finished";
      readonly runId: string;
      readonly status: "succeeded" | "failed" | "interrupted";
      readonly durationMs: number;
      readonly executed: number;
      readonly hits: number;
    });
