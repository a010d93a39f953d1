/**
 * `device-steps.mjs DEVICES STEPS`: pretraining steps of two micro-batches of 8 rows of the 1.3 M model on wasm, by one process or shared by
 * several, as the stage takes them. Prints one JSON line.
 */
import { openDevices } from "../src/engine/open-devices.ts";
import { defineLlama } from "../src/model/llama-config.ts";
import { scalar } from "../src/tensor/types.ts";
import { defineOptimizer } from "../src/train/optimizer.ts";
import { pretrainingProgram } from "../src/train/pretraining-program.ts";
import { compileTraining } from "../src/train/training-step.ts";
import { writeInitialWeights } from "./initial-weights.ts";
import { randomBatches } from "./random-batches.ts";
import { median } from "./row.ts";

// V8 compiles the wasm again, better, within the first steps, on the cores that the steps want.
const [warmupSteps, microBatchSize, gradientAccumulation, sequenceLength] = [8, 8, 2, 128];
const [devices = 1, steps = 10] = process.argv.slice(2).map(Number);
const model = defineLlama({
  hiddenSize: 128,
  intermediateSize: 352,
  numLayers: 4,
  numHeads: 4,
  numKvHeads: 4,
  vocabSize: 4096,
  contextLength: sequenceLength,
});
const training = pretrainingProgram({
  model,
  microBatchSize,
  sequenceLength,
  gradientAccumulation,
  optimizer: defineOptimizer(),
});
const engine = await openDevices({ kind: "wasm", devices });
const { executable, takeStep } = await compileTraining(engine, training);
await using _executable = executable;
await writeInitialWeights(executable, model);

const nextBatch = randomBatches(model, microBatchSize);
const times: number[] = [];
let firstLoss = NaN;
for (let step = 1; step <= steps; step++) {
  const start = performance.now();
  const { loss } = await takeStep(() => Promise.resolve(nextBatch()), {
    learningRate: scalar(1e-3),
    step: scalar(step),
  });
  times.push(performance.now() - start);
  if (step === 1) firstLoss = loss?.data[0] ?? NaN;
}
const stepMs = median(times.slice(warmupSteps));
console.log(
  JSON.stringify({
    system: `wasm ${engine.identity.version}`,
    tokensPerSecond: (gradientAccumulation * microBatchSize * sequenceLength * 1000) / stepMs,
    firstLoss,
  }),
);
