/** What a training is told and what it tells. Types only. */
import type { Origins } from "../data/batch.ts";
import type { Engine, Feeds } from "../engine/engine.ts";
import type { JsonObject } from "../std/json.ts";
import type { CheckpointPolicy } from "./checkpoint.ts";
import type { InitialWeights } from "./initial-weights.ts";
import type { LossGuardConfig } from "./loss-guard.ts";
import type { MetricsLine } from "./metrics-file.ts";
import type { Rollback } from "./rollbacks.ts";
import type { Schedule } from "./schedules.ts";

/** What just happened, for people; none of it decides the result. */
export type TrainingNotice =
  | { readonly kind: "resumed"; readonly step: number; readonly path: string }
  /** After "resumed": what follows may differ in its last bits from a run that was never stopped. */
  | { readonly kind: "threadsChanged"; readonly before: number; readonly now: number }
  | { readonly kind: "checkpointed"; readonly step: number; readonly path: string }
  /** A checkpoint that cannot be read was passed over for an older one, or for the beginning. */
  | { readonly kind: "checkpointSkipped"; readonly path: string; readonly error: unknown }
  /** A spike made the run return to an earlier step; what was reported of later ones no longer holds. */
  | { readonly kind: "rolledBack"; readonly rollback: Rollback };

export interface StepReport extends MetricsLine {
  readonly totalSteps: number;
}

export interface TrainLoopOptions {
  readonly engine: Engine;
  readonly initialWeights: InitialWeights;
  readonly totalSteps: number;
  readonly schedule: Schedule;
  readonly checkpoints?: CheckpointPolicy | undefined;
  /** JSON lines {step, loss, gradientNorm, learningRate, tokensSeen, …}. */
  readonly metricsPath?: string | undefined;
  /** Aborting it makes the loop write a checkpoint after the step it is in, then throw `INTERRUPTED`. */
  readonly signal?: AbortSignal | undefined;
  readonly onStep?: ((report: StepReport) => void) | undefined;
  readonly onNotice?: ((notice: TrainingNotice) => void) | undefined;
  /** Default: a loss that is not finite stops the run, and no other does. Decides the result. */
  readonly lossGuard?: LossGuardConfig | undefined;
  /** What else decides the result, e.g. digests of data and initial weights: a checkpoint must agree with it. */
  readonly identity?: JsonObject | undefined;
}

export interface MicroBatch {
  readonly feeds: Feeds;
  readonly tokens: number;
  readonly origins?: Origins | undefined;
}

/** What an objective brings to the loop. */
export interface MicroBatches {
  /** Feeds of the next micro-batch, and how many tokens it reads. */
  next(): Promise<MicroBatch>;
  cursor(): JsonObject;
  seek(cursor: JsonObject): void;
}
