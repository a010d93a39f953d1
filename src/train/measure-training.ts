/**
 * How fast this engine trains models of a given shape, from seconds of real steps: two shallow models of that shape are
 * trained in turns, and what a layer more costs gives the time of any depth. A prediction, not a promise.
 */
import type { Engine, EngineIdentity, Executable } from "../engine/engine.ts";
import type { LlamaConfig } from "../model/llama-config.ts";
import { createRandom } from "../data/random.ts";
import { initialValue, listParameters } from "../model/llama-parameters.ts";
import { float32, int32, scalar, type HostTensor } from "../tensor/types.ts";
import { trainingCost } from "./estimate-memory.ts";
import { defineOptimizer } from "./optimizer.ts";
import { pretrainingProgram } from "./pretraining-program.ts";
import type { TrainingProgram, TrainingProgramOptions } from "./training-program.ts";

export interface SpeedMeasurement {
  readonly engine: EngineIdentity;
  /** What was measured: the shape and the sequences of a call, which may be fewer and shorter than the recipe's. */
  readonly sequences: number;
  readonly sequenceLength: number;
  /** Milliseconds of forward and backward pass over one call: of all but the layers, and of each layer. */
  readonly callMs: { readonly fixed: number; readonly layer: number };
  /** Milliseconds of clipping and update: of all but the layers, and of each layer. */
  readonly updateMs: { readonly fixed: number; readonly layer: number };
}

export interface MeasureOptions {
  readonly engine: Engine;
  /** Whose shapes are measured; its depth does not matter. */
  readonly options: TrainingProgramOptions;
  /** Milliseconds of steps; compiling comes on top. Default 10,000. */
  readonly budgetMs?: number | undefined;
}

const depths = [1, 3] as const;
/** Below this a call is mostly reading and writing weights, which tells nothing of longer ones. */
const probeLength = 256;

export async function measureTraining({
  engine,
  options,
  budgetMs = 10_000,
}: MeasureOptions): Promise<SpeedMeasurement> {
  const length = Math.min(probeLength, options.sequenceLength);
  await using probe = await openRig(engine, options, depths[0], 1, length);
  const { sequences, sequenceLength } = await affordable(probe, options, length, budgetMs);
  const isProbe = sequences === 1 && sequenceLength === length;
  await using larger = isProbe
    ? undefined
    : await openRig(engine, options, depths[0], sequences, sequenceLength);
  const shallow = larger ?? probe;
  await using deeper = await openRig(engine, options, depths[1], sequences, sequenceLength);
  const best = { call: [Infinity, Infinity], update: [Infinity, Infinity] };
  const start = performance.now();
  for (let round = 0; round < 2 || performance.now() - start < budgetMs; round++)
    for (const [index, rig] of [shallow, deeper].entries()) {
      const { callMs, updateMs } = await rig.step();
      // The first of each warms up; what others do on the machine only ever adds.
      if (round === 0) continue;
      best.call[index] = Math.min(best.call[index] ?? Infinity, callMs);
      best.update[index] = Math.min(best.update[index] ?? Infinity, updateMs);
    }
  return {
    engine: engine.identity,
    sequences,
    sequenceLength,
    callMs: split(best.call),
    updateMs: split(best.update),
  };
}

/** Two times of two depths as a fixed part and one for each layer; noise makes neither negative. */
function split([shallow = 0, deeper = 0]: readonly number[]): { fixed: number; layer: number } {
  const [low, high] = depths;
  const layer = Math.max(0, (deeper - shallow) / (high - low));
  return { fixed: Math.max(0, shallow - low * layer), layer };
}

export interface SpeedPrediction {
  readonly tokensPerSecond: number;
  /** Of the products that are really computed, updates included in the time. */
  readonly flopsPerSecond: number;
}

/** Of a whole step of `options`, micro-batches and update, by a measurement of its shapes. */
export function predictSpeed(
  options: TrainingProgramOptions,
  flopsPerStep: number,
  { sequences, sequenceLength, callMs, updateMs }: SpeedMeasurement,
): SpeedPrediction {
  const { numLayers } = options.model;
  const tokens = options.microBatchSize * options.sequenceLength * options.gradientAccumulation;
  const calls = tokens / (sequences * sequenceLength);
  const growth = layerFlops(options, options.sequenceLength) / layerFlops(options, sequenceLength);
  const at = ({ fixed, layer }: { fixed: number; layer: number }) => fixed + numLayers * layer;
  const call = at({ ...callMs, layer: callMs.layer * growth });
  const seconds = (calls * call + at(updateMs)) / 1000;
  return { tokensPerSecond: tokens / seconds, flopsPerSecond: flopsPerStep / seconds };
}

/** Of one layer and one token: attention's share grows with the length. */
function layerFlops(options: TrainingProgramOptions, sequenceLength: number): number {
  const [low, high] = depths;
  const flopsAt = (depth: number) => callFlops(shallowProgram(options, depth, 1, sequenceLength));
  return (flopsAt(high) - flopsAt(low)) / (high - low) / sequenceLength;
}

/** As many sequences of the recipe's micro-batch as let a handful of steps end in time; where one is too long, a shorter one. */
async function affordable(
  probe: Rig,
  options: TrainingProgramOptions,
  length: number,
  budgetMs: number,
): Promise<{ sequences: number; sequenceLength: number }> {
  await probe.step();
  const { callMs } = await probe.step();
  const msPerFlop = callMs / probe.flops;
  let { microBatchSize: sequences, sequenceLength } = options;
  const rounds = 4;
  const flopsOf = () =>
    depths.reduce(
      (total, depth) => total + callFlops(shallowProgram(options, depth, sequences, sequenceLength)),
      0,
    );
  while (rounds * flopsOf() * msPerFlop > budgetMs)
    if (sequences > 1) sequences = Math.floor(sequences / 2);
    else if (sequenceLength > length) sequenceLength = Math.max(length, Math.floor(sequenceLength / 2));
    else break;
  return { sequences, sequenceLength };
}

/** Two micro-batches a step, so that forward and backward pass and update are functions of their own. */
const shallowProgram = (
  options: TrainingProgramOptions,
  numLayers: number,
  microBatchSize: number,
  sequenceLength: number,
) =>
  pretrainingProgram({
    ...options,
    model: { ...options.model, numLayers },
    optimizer: defineOptimizer(),
    microBatchSize,
    sequenceLength,
    gradientAccumulation: 2,
    // The batches made here are of one document; telling documents apart changes no product.
    intraDocumentMask: false,
  });

/** Of forward and backward pass over one call. */
const callFlops = (training: TrainingProgram): number =>
  trainingCost(training).flopsPerStep / training.options.gradientAccumulation;

interface Rig extends AsyncDisposable {
  /** Of one call. */
  readonly flops: number;
  step(): Promise<{ callMs: number; updateMs: number }>;
}

async function openRig(
  engine: Engine,
  options: TrainingProgramOptions,
  numLayers: number,
  sequences: number,
  sequenceLength: number,
): Promise<Rig> {
  const training = shallowProgram(options, numLayers, sequences, sequenceLength);
  const executable = await engine.compile(training.program);
  await seed(executable, training.options.model);
  const feeds = randomBatch(options.model.vocabSize, sequences, sequenceLength);
  let steps = 0;
  return {
    flops: callFlops(training),
    async step() {
      const start = performance.now();
      await executable.call("accumulate", feeds);
      const middle = performance.now();
      await executable.call("applyGradients", { learningRate: scalar(1e-4), step: scalar(++steps) });
      return { callMs: middle - start, updateMs: performance.now() - middle };
    },
    [Symbol.asyncDispose]: () => executable[Symbol.asyncDispose](),
  };
}

/** Weights of the right size; that the same few come again and again costs a step nothing. */
async function seed(executable: Executable, model: LlamaConfig): Promise<void> {
  const random = createRandom("speed");
  const few = Float64Array.from({ length: 4_099 }, () => random.nextGaussian());
  let next = 0;
  for (const parameter of listParameters(model))
    await executable.writeVariable(
      parameter.name,
      initialValue(parameter, model, () => few[next++ % few.length] ?? 0),
    );
}

function randomBatch(
  vocabSize: number,
  sequences: number,
  sequenceLength: number,
): Readonly<Record<string, HostTensor>> {
  const random = createRandom("tokens");
  const shape = [sequences, sequenceLength];
  const tokens = () =>
    int32(
      shape,
      Int32Array.from({ length: sequences * sequenceLength }, () => random.nextInt(vocabSize)),
    );
  const lossMask = float32(shape, new Float32Array(sequences * sequenceLength).fill(1));
  return { inputs: tokens(), targets: tokens(), lossMask };
}
