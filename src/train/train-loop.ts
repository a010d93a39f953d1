/**
 * The loop that every objective shares: steps, learning rates, checkpoints, resuming, metrics, guards. Interrupted
 * and resumed, it ends with the same bytes as uninterrupted, because a checkpoint is taken between steps and holds
 * all that the next step depends on. It knows neither losses nor data nor devices; it reads no clock.
 */
import { setImmediate } from "node:timers/promises";
import type { Origins } from "../data/batch.ts";
import type { Executable } from "../engine/engine.ts";
import { userError } from "../errors.ts";
import type { TensorEntry } from "../model/safetensors.ts";
import type { JsonObject } from "../std/json.ts";
import { float32, scalar, sizeOf, type HostTensor } from "../tensor/types.ts";
import { CheckpointWriter } from "./checkpoint-writer.ts";
import {
  beginCheckpoint,
  findCheckpoint,
  restoreTensors,
  type CheckpointPolicy,
  type TrainingPlan,
  type TrainingState,
  type UnfinishedCheckpoint,
} from "./checkpoint.ts";
import { writeInitialWeights } from "./initial-weights.ts";
import { emptyWindow, extendWindow, judge, type LossGuardConfig } from "./loss-guard.ts";
import { openMetrics, type MetricsLine } from "./metrics-file.ts";
import {
  addRollback,
  isRollbackPoint,
  noRollbacks,
  readRollbacks,
  rollbackStep,
  writeRollbacks,
  type Rollback,
} from "./rollbacks.ts";
import { learningRateAt } from "./schedules.ts";
import type { MicroBatches, TrainLoopOptions } from "./training-options.ts";
import type { TrainingProgram } from "./training-program.ts";
import type { TakeStep } from "./training-step.ts";
import { interrupted, lossSpike, nonFinite } from "./training-stops.ts";

export interface TrainLoopParts {
  readonly training: TrainingProgram;
  readonly options: TrainLoopOptions;
  /** Its variables hold the initial weights. */
  readonly executable: Executable;
  readonly takeStep: TakeStep;
  readonly batches: MicroBatches;
  readonly identity: JsonObject;
}

export class TrainLoop {
  step = 0;
  tokensSeen = 0;
  rollbacks = noRollbacks;
  readonly #training: TrainingProgram;
  readonly #options: TrainLoopOptions;
  readonly #executable: Executable;
  readonly #step: TakeStep;
  readonly #batches: MicroBatches;
  readonly #identity: JsonObject;
  /** Parameters and moments: all state but the accumulators, which are zero between steps. */
  readonly #entries: readonly TensorEntry[];
  readonly #firstCursor: JsonObject;
  #window = emptyWindow;
  /** The rollbacks that lie before this step. */
  #passed = noRollbacks;

  constructor({ training, options, executable, takeStep, batches, identity }: TrainLoopParts) {
    this.#training = training;
    this.#options = options;
    this.#executable = executable;
    this.#step = takeStep;
    this.#batches = batches;
    this.#identity = identity;
    this.#firstCursor = batches.cursor();
    this.#entries = training.trained.flatMap(({ parameter, firstMoment, secondMoment }) =>
      [parameter, firstMoment, secondMoment].map(({ name, shape }) => ({
        name,
        shape,
        dtype: "float32" as const,
      })),
    );
  }

  get #plan(): TrainingPlan {
    const { schedule, totalSteps } = this.#options;
    return { schedule, totalSteps };
  }

  async run(): Promise<void> {
    const { totalSteps, checkpoints, metricsPath, signal, onStep, lossGuard } = this.#options;
    await this.#resume();
    await using metrics = metricsPath === undefined ? undefined : await openMetrics(metricsPath, this.step);
    await using writer = new CheckpointWriter((checkpoint) => this.#finish(checkpoint));
    let saved = this.step;
    while (this.step < totalSteps) {
      // Lets signals and timers in: engines compute without ever leaving the event loop.
      await setImmediate();
      await writer.finishIfFlushed();
      if (signal?.aborted === true) {
        await metrics?.sync();
        if (this.step > saved) await this.#checkpoint(writer);
        await writer.finish();
        throw interrupted(this.step, totalSteps, checkpoints);
      }
      this.#passRollback();
      const { line, origins } = await this.#takeStep();
      const spike = judge(line, this.#window, lossGuard);
      if (spike !== undefined) {
        await writer.finish();
        await this.#rollBack(line, spike, origins);
        await metrics?.rewind(this.step);
        saved = this.step;
        continue;
      }
      if (lossGuard !== undefined) this.#window = extendWindow(this.#window, line, lossGuard.window);
      this.step = line.step;
      this.tokensSeen = line.tokensSeen;
      await metrics?.append(line);
      onStep?.({ ...line, totalSteps });
      if (checkpoints !== undefined && isDue(checkpoints, lossGuard, this.step, totalSteps)) {
        await metrics?.sync();
        await this.#checkpoint(writer);
        saved = this.step;
      }
    }
  }

  /** The variables have taken the step; whether it counts is the caller's. */
  async #takeStep(): Promise<{ readonly line: MetricsLine; readonly origins: readonly Origins[] }> {
    const step = this.step + 1;
    const learningRate = learningRateAt(this.#options.schedule, step);
    const rates = { learningRate: scalar(learningRate), step: scalar(step) };
    const origins: Origins[] = [];
    let { tokensSeen } = this;
    const next = async () => {
      const batch = await this.#batches.next();
      tokensSeen += batch.tokens;
      if (batch.origins !== undefined) origins.push(batch.origins);
      return batch.feeds;
    };
    const results = await this.#step(next, rates);
    const { loss = NaN, gradientNorm = NaN, ...metrics } = scalarsOf(results);
    return { line: { step, loss, gradientNorm, learningRate, tokensSeen, ...metrics }, origins };
  }

  /** Where data was left out after this step, it goes on behind that. */
  #passRollback(): void {
    const here = this.rollbacks.standing.find(({ toStep }) => toStep === this.step);
    if (here === undefined || this.#passed.standing.includes(here)) return;
    this.#batches.seek(here.cursor);
    this.#passed = { count: this.rollbacks.count, standing: [...this.#passed.standing, here] };
  }

  /** Returns to where the spike at `line` is not known of, or throws. Nothing of its step is saved. */
  async #rollBack(line: MetricsLine, spike: string, origins: readonly Origins[]): Promise<void> {
    const { lossGuard, checkpoints, onNotice } = this.#options;
    const rows = await rowsOf(origins);
    if (lossGuard?.action !== "rollback" || checkpoints === undefined)
      throw Number.isFinite(line.loss) && Number.isFinite(line.gradientNorm)
        ? lossSpike(line.step, spike, rows)
        : nonFinite(line.step, spike, rows);
    if (this.rollbacks.count >= lossGuard.maxRollbacks)
      throw lossSpike(line.step, `${spike}, after ${this.rollbacks.count} rollbacks`, rows);
    const toStep = rollbackStep(lossGuard, line.step);
    const further = lossGuard.skipSteps - (line.step - toStep);
    for (let batch = 0; batch < further * this.#training.options.gradientAccumulation; batch++)
      await this.#batches.next();
    const cursor = this.#batches.cursor();
    const rollback: Rollback = { toStep, cursor, spikeStep: line.step, reason: spike, rows };
    await writeRollbacks(checkpoints.directory, addRollback(this.rollbacks, rollback));
    await this.#begin();
    await this.#resume();
    onNotice?.({ kind: "rolledBack", rollback });
  }

  /** As before the first step. */
  async #begin(): Promise<void> {
    await writeInitialWeights(this.#executable, this.#training.options.model, this.#options.initialWeights);
    for (const { firstMoment, secondMoment } of this.#training.trained)
      for (const { name, shape } of [firstMoment, secondMoment])
        await this.#executable.writeVariable(name, float32(shape, new Float32Array(sizeOf(shape))));
    this.#batches.seek(this.#firstCursor);
    this.step = 0;
    this.tokensSeen = 0;
    this.#window = emptyWindow;
    this.#passed = noRollbacks;
  }

  async #resume(): Promise<void> {
    const { checkpoints, onNotice, lossGuard } = this.#options;
    if (checkpoints === undefined) return;
    if (!Number.isSafeInteger(checkpoints.everySteps) || checkpoints.everySteps < 1)
      throw userError("TRAINING_INVALID", `checkpoints every ${checkpoints.everySteps} steps`);
    const rollbacks = lossGuard === undefined ? undefined : await readRollbacks(checkpoints.directory);
    const checkpoint = await findCheckpoint(
      checkpoints.directory,
      { identity: this.#identity, plan: this.#plan },
      (path, error) => onNotice?.({ kind: "checkpointSkipped", path, error }),
      rollbacks,
    );
    // A checkpoint that came from a shorter run brings its own.
    this.rollbacks = rollbacks ?? checkpoint?.state.guard?.rollbacks ?? noRollbacks;
    if (checkpoint === undefined) return;
    const { state, path } = checkpoint;
    await restoreTensors(checkpoint, this.#entries, (name, value) =>
      this.#executable.writeVariable(name, value),
    );
    this.#batches.seek(state.cursor);
    this.step = state.step;
    this.tokensSeen = state.tokensSeen;
    this.#window = state.guard?.window ?? emptyWindow;
    this.#passed = {
      count: this.rollbacks.count,
      standing: this.rollbacks.standing.filter(({ toStep }) => toStep < state.step),
    };
    onNotice?.({ kind: "resumed", step: state.step, path });
    const [before, now] = [state.threadsPerOperation, this.#options.engine.threadsPerOperation];
    if (before !== undefined && now !== undefined && before !== now)
      onNotice?.({ kind: "threadsChanged", before, now });
  }

  async #checkpoint(writer: CheckpointWriter): Promise<void> {
    const { checkpoints, lossGuard } = this.#options;
    if (checkpoints === undefined) return;
    const state: TrainingState = {
      step: this.step,
      tokensSeen: this.tokensSeen,
      cursor: this.#batches.cursor(),
      identity: this.#identity,
      plan: this.#plan,
      threadsPerOperation: this.#options.engine.threadsPerOperation,
      guard: lossGuard === undefined ? undefined : { window: this.#window, rollbacks: this.#passed },
    };
    await writer.write(() =>
      beginCheckpoint(checkpoints, state, this.#entries, (name) => this.#executable.readVariable(name)),
    );
  }

  async #finish(checkpoint: UnfinishedCheckpoint): Promise<void> {
    const { checkpoints, onNotice, lossGuard } = this.#options;
    const path = await checkpoint.finish(
      (step) =>
        step === checkpoints?.milestone ||
        (lossGuard?.action === "rollback" && isRollbackPoint(lossGuard, step, checkpoint.step)),
    );
    onNotice?.({ kind: "checkpointed", step: checkpoint.step, path });
  }
}

/** After the last step only where a longer run could go on from it. */
const isDue = (
  { everySteps, milestone }: CheckpointPolicy,
  guard: LossGuardConfig | undefined,
  step: number,
  totalSteps: number,
): boolean =>
  step === milestone ||
  (step < totalSteps &&
    (step % everySteps === 0 || (guard?.action === "rollback" && step % guard.rollbackEverySteps === 0)));

const rowsOf = async (origins: readonly Origins[]): Promise<string[]> =>
  (await Promise.all(origins.map((of) => of()))).flat();

const scalarsOf = (results: Readonly<Record<string, HostTensor>>): Record<string, number> =>
  Object.fromEntries(Object.entries(results).map(([name, { data }]) => [name, data[0] ?? NaN]));
