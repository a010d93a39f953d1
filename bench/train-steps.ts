/**
 * Our side of the training-speed comparison, a process of its own: compiles the pretraining step of a Llama, runs it
 * on random tokens and prints one JSON line. The counterpart of peers/pytorch_llama.py and peers/tfjs-tape.ts, with
 * the same arguments.
 */
import { openEngine } from "../src/engine/open-engine.ts";
import { countParameters } from "../src/model/llama-parameters.ts";
import { recomputeChoices } from "../src/model/llama.ts";
import { precisionChoices } from "../src/model/precision.ts";
import { scalar } from "../src/tensor/types.ts";
import { defineOptimizer } from "../src/train/optimizer.ts";
import { pretrainingProgram } from "../src/train/pretraining-program.ts";
import { writeInitialWeights } from "./initial-weights.ts";
import { jobSizes } from "./job-sizes.ts";
import { randomBatches } from "./random-batches.ts";
import { median } from "./row.ts";

const warmupSteps = 3;

const { model, microBatchSize, more } = jobSizes(process.argv.slice(2).map(Number));
const [steps = 8, recompute = 0, precision = 0] = more;
const { contextLength } = model;
const { program } = pretrainingProgram({
  model,
  microBatchSize,
  sequenceLength: contextLength,
  gradientAccumulation: 1,
  optimizer: defineOptimizer(),
  recompute: recomputeChoices[recompute] ?? "none",
  precision: precisionChoices[precision] ?? "float32",
});
const engine = await openEngine();
const compileStart = performance.now();
await using executable = await engine.compile(program);
const compileMs = performance.now() - compileStart;
await writeInitialWeights(executable, model);

const nextBatch = randomBatches(model, microBatchSize);
const tokensPerStep = microBatchSize * contextLength;
const times: number[] = [];
const first = { loss: NaN, gradientNorm: NaN };
for (let step = 1; step <= steps; step++) {
  const feeds = { ...nextBatch(), learningRate: scalar(1e-3), step: scalar(step) };
  const start = performance.now();
  const { loss, gradientNorm } = await executable.call("trainStep", feeds);
  times.push(performance.now() - start);
  if (step === 1) Object.assign(first, { loss: loss?.data[0], gradientNorm: gradientNorm?.data[0] });
}
const stepMs = median(times.slice(warmupSteps));
const { kind, version, device } = engine.identity;
console.log(
  JSON.stringify({
    system: `${kind} ${version} on the ${device}`,
    parameters: countParameters(model),
    tokensPerSecond: (tokensPerStep / stepMs) * 1000,
    stepMs,
    compileAndFirstStepMs: compileMs + (times[0] ?? NaN),
    peakRssMb: process.resourceUsage().maxRSS / 1024,
    firstLoss: first.loss,
    firstGradientNorm: first.gradientNorm,
  }),
);
