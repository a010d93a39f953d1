/**
 * How fast this engine trains models of a given shape, from seconds of real steps: two shallow models of that shape are
 * trained in turns, and what a layer more costs gives the time of any depth. A prediction, not a promise.
 */
import type { Engine, EngineIdentity, Executable, Feeds } from "../engine/engine.ts";
import type { LlamaConfig } from "../model/llama-config.ts";
import { createRandom } from "../data/random.ts";
import { initialValue, listParameters } from "../model/llama-parameters.ts";
import { float32, int32, scalar, type HostTensor } from "../tensor/types.ts";
import { trainingCost } from "./estimate-memory.ts";
import { defineOptimizer } from "./optimizer.ts";
import { pretrainingProgram } from "./pretraining-program.ts";
import { shareSizes } from "./training-step.ts";
import type { TrainingProgram, TrainingProgramOptions } from "./training-program.ts";

export interface SpeedMeasurement {
  readonly engine: EngineIdentity;
  /** How many computed at once, each a call of its own. */
  readonly devices: number;
  /** What was measured: the shape and the sequences of a call, which may be fewer and shorter than the recipe's. */
  readonly sequences: number;
  readonly sequenceLength: number;
  /** Milliseconds of forward and backward pass over one call: of all but the layers, and of each layer. */
  readonly callMs: { readonly fixed: number; readonly layer: number };
  /** Milliseconds of clipping and update, and of adding up what several devices have: of all but the layers, and of each layer. */
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
  const best: [Times, Times] = [never, never];
  const start = performance.now();
  for (let round = 0; round < 2 || performance.now() - start < budgetMs; round++)
    for (const [index, rig] of [shallow, deeper].entries()) {
      const times = await rig.step();
      // The first of each warms up; what others do on the machine only ever adds.
      if (round > 0) best[index] = fastest(best[index] ?? never, times);
    }
  return {
    engine: engine.identity,
    devices: engine.devices?.count ?? 1,
    sequences,
    sequenceLength,
    callMs: split(best.map(callMsOf)),
    updateMs: split(best.map(updateMsOf)),
  };
}

/** Milliseconds. Where there are several devices, each makes so many calls, and what they have is added up. */
interface Times {
  readonly oneCall: number;
  readonly twoCalls: number;
  readonly apply: number;
}

const never: Times = { oneCall: Infinity, twoCalls: Infinity, apply: Infinity };

const fastest = (a: Times, b: Times): Times => ({
  oneCall: Math.min(a.oneCall, b.oneCall),
  twoCalls: Math.min(a.twoCalls, b.twoCalls),
  apply: Math.min(a.apply, b.apply),
});

/** Adding up follows the calls, however many there are: one call more is what a call takes. */
const callMsOf = ({ oneCall, twoCalls }: Times): number => Math.max(0, twoCalls - oneCall);
const updateMsOf = (times: Times): number => times.apply + Math.max(0, times.oneCall - callMsOf(times));

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
  { devices, sequences, sequenceLength, callMs, updateMs }: SpeedMeasurement,
): SpeedPrediction {
  const { numLayers } = options.model;
  const microBatch = options.microBatchSize * options.sequenceLength;
  const tokens = microBatch * options.gradientAccumulation;
  const [longestShare = 0] = shareSizes(options.gradientAccumulation, devices);
  const calls = (longestShare * microBatch) / (sequences * sequenceLength);
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
  const msPerFlop = callMsOf(await probe.step()) / probe.flops;
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
  step(): Promise<Times>;
}

async function openRig(
  engine: Engine,
  options: TrainingProgramOptions,
  numLayers: number,
  sequences: number,
  sequenceLength: number,
): Promise<Rig> {
  const training = shallowProgram(options, numLayers, sequences, sequenceLength);
  const { executable, accumulate } = await compileCalls(engine, training);
  await seed(executable, training.options.model);
  const feeds = randomBatch(options.model.vocabSize, sequences, sequenceLength);
  let steps = 0;
  return {
    flops: callFlops(training),
    async step() {
      const rates = { learningRate: scalar(1e-4), step: scalar(++steps) };
      const calls = await accumulate(feeds);
      return { ...calls, apply: await elapsedMs(() => executable.call("applyGradients", rates)) };
    },
    [Symbol.asyncDispose]: () => executable[Symbol.asyncDispose](),
  };
}

interface Calls {
  readonly executable: Executable;
  readonly accumulate: (feeds: Feeds) => Promise<Pick<Times, "oneCall" | "twoCalls">>;
}

async function compileCalls(engine: Engine, { program, accumulators }: TrainingProgram): Promise<Calls> {
  if (engine.devices === undefined) {
    const executable = await engine.compile(program);
    const accumulate = async (feeds: Feeds) => {
      const oneCall = await elapsedMs(() => executable.call("accumulate", feeds));
      return { oneCall, twoCalls: 2 * oneCall };
    };
    return { executable, accumulate };
  }
  const { count } = engine.devices;
  const summed = accumulators.map(({ name }) => name);
  const executable = await engine.devices.compile(program, summed);
  const timed = (feeds: Feeds, calls: number) => {
    const shares = Array.from({ length: count }, () => Array<Feeds>(calls).fill(feeds));
    return elapsedMs(() => executable.callShares("accumulate", shares));
  };
  const accumulate = async (feeds: Feeds) => ({
    oneCall: await timed(feeds, 1),
    twoCalls: await timed(feeds, 2),
  });
  return { executable, accumulate };
}

async function elapsedMs(work: () => Promise<unknown>): Promise<number> {
  const start = performance.now();
  await work();
  return performance.now() - start;
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
