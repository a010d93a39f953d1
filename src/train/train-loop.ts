/**
 * The loop that every objective shares: steps, learning rates, checkpoints, resuming, metrics, guards. Interrupted
 * and resumed, it ends with the same bytes as uninterrupted, because a checkpoint is taken between steps and holds
 * all that the next step depends on. It knows neither losses nor data; it reads no clock.
 */
import { setImmediate } from "node:timers/promises";
import type { Engine, Executable } from "../engine/engine.ts";
import { PipelineError, userError } from "../errors.ts";
import { openLlamaWeights, saveLlama } from "../model/llama-files.ts";
import { initialValue, listParameters } from "../model/llama-parameters.ts";
import type { TensorEntry } from "../model/safetensors.ts";
import type { Json, JsonObject } from "../std/json.ts";
import { scalar, type HostTensor } from "../tensor/types.ts";
import {
  findCheckpoint,
  restoreTensors,
  writeCheckpoint,
  type CheckpointPolicy,
  type TrainingPlan,
  type TrainingState,
} from "./checkpoint.ts";
import { openMetrics, type MetricsLine } from "./metrics-file.ts";
import { checkSchedule, learningRateAt, type Schedule } from "./schedules.ts";
import type { TrainingProgram } from "./training-program.ts";

export type InitialWeights =
  | { readonly kind: "seeded"; readonly nextGaussian: () => number }
  /** A file in Hugging Face layout, e.g. model.safetensors of an earlier stage. */
  | { readonly kind: "safetensors"; readonly path: string };

/** What just happened, for people; none of it decides the result. */
export type TrainingNotice =
  | { readonly kind: "resumed"; readonly step: number; readonly path: string }
  | { readonly kind: "checkpointed"; readonly step: number; readonly path: string }
  /** A checkpoint that cannot be read was passed over for an older one, or for the beginning. */
  | { readonly kind: "checkpointSkipped"; readonly path: string; readonly error: unknown };

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
  /** What else decides the result, e.g. digests of data and initial weights: a checkpoint must agree with it. */
  readonly identity?: JsonObject | undefined;
}

/** What an objective brings to the loop. */
export interface MicroBatches {
  /** Feeds of the next micro-batch, and how many tokens it reads. */
  next(): Promise<{ readonly feeds: Readonly<Record<string, HostTensor>>; readonly tokens: number }>;
  cursor(): JsonObject;
  seek(cursor: JsonObject): void;
}

export interface TrainedModel extends AsyncDisposable {
  readonly executable: Executable;
  readonly steps: number;
  readonly tokensSeen: number;
  /** Writes model.safetensors and config.json into an existing folder. */
  saveWeights(directory: string): Promise<void>;
}

/**
 * Trains to `totalSteps`, from the newest checkpoint if there is one.
 * `prepare` sees the program with its initial weights, also when the run is then resumed.
 * Throws `INTERRUPTED`, `NON_FINITE_LOSS`, `CHECKPOINT_MISMATCH`, `SCHEDULE_INVALID`, `TRAINING_INVALID`.
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
  const executable = await engine.compile(training.program);
  try {
    await writeInitialWeights(executable, training, options.initialWeights);
    const settings = { objective, ...training.options, engine: engine.identity };
    const identity = { ...(toJson(settings) as JsonObject), ...options.identity };
    const batches = await prepare(executable, identity);
    const loop = new TrainLoop(training, options, executable, batches, identity);
    await loop.run();
    return {
      executable,
      steps: loop.step,
      tokensSeen: loop.tokensSeen,
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
    for (const info of listParameters(model))
      await executable.writeVariable(info.name, initialValue(info, model, weights.nextGaussian));
    return;
  }
  await using file = await openLlamaWeights(weights.path, model);
  for (const { name } of listParameters(model)) await executable.writeVariable(name, await file.read(name));
}

class TrainLoop {
  step = 0;
  tokensSeen = 0;
  readonly #training: TrainingProgram;
  readonly #options: TrainLoopOptions;
  readonly #executable: Executable;
  readonly #batches: MicroBatches;
  readonly #identity: JsonObject;
  /** Parameters and moments: all state but the accumulators, which are zero between steps. */
  readonly #entries: readonly TensorEntry[];

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
    const { totalSteps, checkpoints, metricsPath, signal, onStep } = this.#options;
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
      const line = await this.#takeStep();
      await metrics?.append(line);
      onStep?.({ ...line, totalSteps });
      if (checkpoints !== undefined && isDue(checkpoints, this.step, totalSteps)) {
        await metrics?.sync();
        await this.#checkpoint();
        saved = this.step;
      }
    }
  }

  async #takeStep(): Promise<MetricsLine> {
    const step = this.step + 1;
    const { gradientAccumulation } = this.#training.options;
    const learningRate = learningRateAt(this.#options.schedule, step);
    const rates = { learningRate: scalar(learningRate), step: scalar(step) };
    let results: Readonly<Record<string, HostTensor>>;
    let tokens = 0;
    if (gradientAccumulation === 1) {
      const batch = await this.#batches.next();
      tokens = batch.tokens;
      results = await this.#executable.call("trainStep", { ...batch.feeds, ...rates });
    } else {
      for (let part = 0; part < gradientAccumulation; part++) {
        const batch = await this.#batches.next();
        tokens += batch.tokens;
        await this.#executable.call("accumulate", batch.feeds);
      }
      results = await this.#executable.call("applyGradients", rates);
    }
    const { loss = NaN, gradientNorm = NaN, ...metrics } = scalarsOf(results);
    if (!Number.isFinite(loss) || !Number.isFinite(gradientNorm)) throw nonFinite(step, loss, gradientNorm);
    this.step = step;
    this.tokensSeen += tokens;
    return { step, loss, gradientNorm, learningRate, tokensSeen: this.tokensSeen, ...metrics };
  }

  async #resume(): Promise<void> {
    const { checkpoints, onNotice } = this.#options;
    if (checkpoints === undefined) return;
    if (!Number.isSafeInteger(checkpoints.everySteps) || checkpoints.everySteps < 1)
      throw userError("TRAINING_INVALID", `checkpoints every ${checkpoints.everySteps} steps`);
    const checkpoint = await findCheckpoint(
      checkpoints.directory,
      { identity: this.#identity, plan: this.#plan },
      (path, error) => onNotice?.({ kind: "checkpointSkipped", path, error }),
    );
    if (checkpoint === undefined) return;
    const { state, path } = checkpoint;
    await restoreTensors(checkpoint, this.#entries, (name, value) =>
      this.#executable.writeVariable(name, value),
    );
    this.#batches.seek(state.cursor);
    this.step = state.step;
    this.tokensSeen = state.tokensSeen;
    onNotice?.({ kind: "resumed", step: state.step, path });
  }

  async #checkpoint(): Promise<void> {
    const { checkpoints, onNotice } = this.#options;
    if (checkpoints === undefined) return;
    const state: TrainingState = {
      step: this.step,
      tokensSeen: this.tokensSeen,
      cursor: this.#batches.cursor(),
      identity: this.#identity,
      plan: this.#plan,
    };
    const path = await writeCheckpoint(checkpoints, state, this.#entries, (name) =>
      this.#executable.readVariable(name),
    );
    onNotice?.({ kind: "checkpointed", step: this.step, path });
  }
}

/** After the last step only where a longer run could go on from it. */
const isDue = ({ everySteps, milestone }: CheckpointPolicy, step: number, totalSteps: number): boolean =>
  step === milestone || (step % everySteps === 0 && step < totalSteps);

const scalarsOf = (results: Readonly<Record<string, HostTensor>>): Record<string, number> =>
  Object.fromEntries(Object.entries(results).map(([name, { data }]) => [name, data[0] ?? NaN]));

const interrupted = (step: number, totalSteps: number, checkpoints: CheckpointPolicy | undefined) =>
  new PipelineError({
    code: "INTERRUPTED",
    message: `training was interrupted after step ${step} of ${totalSteps}`,
    hint:
      checkpoints === undefined ? undefined : "Run it again: it goes on from the checkpoint that it wrote.",
  });

const nonFinite = (step: number, loss: number, gradientNorm: number) =>
  new PipelineError({
    code: "NON_FINITE_LOSS",
    message: `step ${step} has loss ${loss} and gradient norm ${gradientNorm}; nothing of it was saved`,
    hint: "Lower schedule.peak or optimizer.gradientClip, lengthen the warmup, or look at the data of this step.",
  });
