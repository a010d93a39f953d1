/**
 * The loop that every objective shares: steps, learning rates, checkpoints, resuming, metrics, guards. Interrupted
 * and resumed, it ends with the same bytes as uninterrupted, because a checkpoint is taken between steps and holds
 * all that the next step depends on. It knows neither losses nor data; it reads no clock.
 */
import { setImmediate } from "node:timers/promises";
import type { Engine, Executable } from "../engine/engine.ts";
import type { Origins } from "../data/batch.ts";
import { userError } from "../errors.ts";
import { openLlamaWeights, saveLlama } from "../model/llama-files.ts";
import { initialValue, listParameters } from "../model/llama-parameters.ts";
import type { TensorEntry } from "../model/safetensors.ts";
import type { Json, JsonObject } from "../std/json.ts";
import { float32, scalar, sizeOf, type HostTensor } from "../tensor/types.ts";
import {
  findCheckpoint,
  restoreTensors,
  writeCheckpoint,
  type CheckpointPolicy,
  type TrainingPlan,
  type TrainingState,
} from "./checkpoint.ts";
import { checkLossGuard, emptyWindow, extendWindow, judge, type LossGuardConfig } from "./loss-guard.ts";
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
import { checkSchedule, learningRateAt, type Schedule } from "./schedules.ts";
import { interrupted, lossSpike, nonFinite } from "./training-stops.ts";
import type { TrainingProgram } from "./training-program.ts";

export type InitialWeights =
  /** Each call gives the same numbers from their beginning: a run may have to begin anew. */
  | { readonly kind: "seeded"; readonly createGaussians: () => () => number }
  /** A file in Hugging Face layout, e.g. model.safetensors of an earlier stage. */
  | { readonly kind: "safetensors"; readonly path: string };

/** What just happened, for people; none of it decides the result. */
export type TrainingNotice =
  | { readonly kind: "resumed"; readonly step: number; readonly path: string }
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
  readonly feeds: Readonly<Record<string, HostTensor>>;
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

export interface TrainedModel extends AsyncDisposable {
  readonly executable: Executable;
  readonly steps: number;
  readonly tokensSeen: number;
  /** How often the run returned to an earlier step. */
  readonly rollbacks: number;
  /** Writes model.safetensors and config.json into an existing folder. */
  saveWeights(directory: string): Promise<void>;
}

/**
 * Trains to `totalSteps`, from the newest checkpoint if there is one.
 * `prepare` sees the program with its initial weights, also when the run is then resumed.
 * Throws `INTERRUPTED`, `NON_FINITE_LOSS`, `LOSS_SPIKE`, `CHECKPOINT_MISMATCH`, `SCHEDULE_INVALID`, `TRAINING_INVALID`.
 */
export async function runTraining(
  objective: string,
  training: TrainingProgram,
  options: TrainLoopOptions,
  prepare: (executable: Executable, identity: JsonObject) => Promise<MicroBatches>,
): Promise<TrainedModel> {
  const { engine, totalSteps, schedule } = options;
  if (!Number.isSafeInteger(totalSteps) || totalSteps < 1)
    throw userError("TRAINING_INVALID", `totalSteps is ${totalSteps}`, "It must be a positive whole number.");
  checkSchedule(schedule);
  checkGuard(options);
  const executable = await engine.compile(training.program);
  try {
    await writeInitialWeights(executable, training, options.initialWeights);
    const { lossGuard } = options;
    const settings = { objective, ...training.options, engine: engine.identity, lossGuard };
    const identity = { ...(toJson(settings) as JsonObject), ...options.identity };
    const batches = await prepare(executable, identity);
    const loop = new TrainLoop(training, options, executable, batches, identity);
    await loop.run();
    return {
      executable,
      steps: loop.step,
      tokensSeen: loop.tokensSeen,
      rollbacks: loop.rollbacks.count,
      saveWeights: (directory) =>
        saveLlama(directory, training.options.model, (name) => executable.readVariable(name)),
      [Symbol.asyncDispose]: () => executable[Symbol.asyncDispose](),
    };
  } catch (error) {
    await executable[Symbol.asyncDispose]();
    throw error;
  }
}

/** As JSON has it: what is undefined is left out. */
const toJson = (value: object): Json => JSON.parse(JSON.stringify(value)) as Json;

async function writeInitialWeights(
  executable: Executable,
  { options: { model } }: TrainingProgram,
  weights: InitialWeights,
): Promise<void> {
  if (weights.kind === "seeded") {
    const nextGaussian = weights.createGaussians();
    for (const info of listParameters(model))
      await executable.writeVariable(info.name, initialValue(info, model, nextGaussian));
    return;
  }
  await using file = await openLlamaWeights(weights.path, model);
  for (const { name } of listParameters(model)) await executable.writeVariable(name, await file.read(name));
}

class TrainLoop {
  step = 0;
  tokensSeen = 0;
  rollbacks = noRollbacks;
  readonly #training: TrainingProgram;
  readonly #options: TrainLoopOptions;
  readonly #executable: Executable;
  readonly #batches: MicroBatches;
  readonly #identity: JsonObject;
  /** Parameters and moments: all state but the accumulators, which are zero between steps. */
  readonly #entries: readonly TensorEntry[];
  readonly #firstCursor: JsonObject;
  #window = emptyWindow;
  /** The rollbacks that lie before this step. */
  #passed = noRollbacks;

  constructor(
    training: TrainingProgram,
    options: TrainLoopOptions,
    executable: Executable,
    batches: MicroBatches,
    identity: JsonObject,
  ) {
    this.#training = training;
    this.#options = options;
    this.#executable = executable;
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
    let saved = this.step;
    while (this.step < totalSteps) {
      // Lets signals and timers in: engines compute without ever leaving the event loop.
      await setImmediate();
      if (signal?.aborted === true) {
        await metrics?.sync();
        if (this.step > saved) await this.#checkpoint();
        throw interrupted(this.step, totalSteps, checkpoints);
      }
      this.#passRollback();
      const { line, origins } = await this.#takeStep();
      const spike = judge(line, this.#window, lossGuard);
      if (spike !== undefined) {
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
        await this.#checkpoint();
        saved = this.step;
      }
    }
  }

  /** The variables have taken the step; whether it counts is the caller's. */
  async #takeStep(): Promise<{ readonly line: MetricsLine; readonly origins: readonly Origins[] }> {
    const step = this.step + 1;
    const { gradientAccumulation } = this.#training.options;
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
    let results: Readonly<Record<string, HostTensor>>;
    if (gradientAccumulation === 1) {
      results = await this.#executable.call("trainStep", { ...(await next()), ...rates });
    } else {
      for (let part = 0; part < gradientAccumulation; part++)
        await this.#executable.call("accumulate", await next());
      results = await this.#executable.call("applyGradients", rates);
    }
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
    await writeInitialWeights(this.#executable, this.#training, this.#options.initialWeights);
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
  }

  async #checkpoint(): Promise<void> {
    const { checkpoints, onNotice, lossGuard } = this.#options;
    if (checkpoints === undefined) return;
    const state: TrainingState = {
      step: this.step,
      tokensSeen: this.tokensSeen,
      cursor: this.#batches.cursor(),
      identity: this.#identity,
      plan: this.#plan,
      guard: lossGuard === undefined ? undefined : { window: this.#window, rollbacks: this.#passed },
    };
    const path = await writeCheckpoint(
      checkpoints,
      state,
      this.#entries,
      (name) => this.#executable.readVariable(name),
      (step) =>
        step === checkpoints.milestone ||
        (lossGuard?.action === "rollback" && isRollbackPoint(lossGuard, step, this.step)),
    );
    onNotice?.({ kind: "checkpointed", step: this.step, path });
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

function checkGuard({ lossGuard, checkpoints }: TrainLoopOptions): void {
  if (lossGuard === undefined) return;
  checkLossGuard(lossGuard);
  if (lossGuard.action === "rollback" && checkpoints === undefined)
    throw userError("TRAINING_INVALID", "lossGuard.action is rollback", "It needs a folder for checkpoints.");
}

const rowsOf = async (origins: readonly Origins[]): Promise<string[]> =>
  (await Promise.all(origins.map((of) => of()))).flat();

const scalarsOf = (results: Readonly<Record<string, HostTensor>>): Record<string, number> =>
  Object.fromEntries(Object.entries(results).map(([name, { data }]) => [name, data[0] ?? NaN]));
