import { describe, expect, test } from "vitest";
import type { Executable } from "../../src/engine/engine.ts";
import { defineLlama } from "../../src/model/llama-config.ts";
import { initialValue, listParameters } from "../../src/model/llama-parameters.ts";
import { dpoLoss, dpoProgram, pairLogProbabilities } from "../../src/train/dpo-program.ts";
import { feedSequences, sequenceFeeds } from "../../src/train/sequence-feeds.ts";
import { defineOptimizer } from "../../src/train/optimizer.ts";
import { pretrainingProgram } from "../../src/train/pretraining-program.ts";
import { defineParameters } from "../../src/model/llama-parameters.ts";
import { readParameters } from "../../src/model/llama.ts";
import { createRandom } from "../../src/data/random.ts";
import { gradients } from "../../src/tensor/gradients.ts";
import { mean } from "../../src/tensor/ops.ts";
import { defineProgram, feed } from "../../src/tensor/program.ts";
import { float32, int32, scalar, type HostTensor } from "../../src/tensor/types.ts";
import { everyExecutor, openExecutor } from "../model/executors.ts";
import {
  floatMatrix,
  golden,
  goldenBatch,
  goldenConfig,
  intMatrix,
  loadGoldenWeights,
  readGolden,
  relativeError,
} from "../model/golden-llama.ts";

type Results = Readonly<Record<string, HostTensor>>;
const value = (results: Results, name: string): number => results[name]?.data[0] ?? NaN;
const names = listParameters(goldenConfig).map(({ name }) => name);
const [rows, time] = goldenBatch.inputs.shape as [number, number];
const vector = (values: readonly number[]): HostTensor => float32([values.length], Float32Array.from(values));

/** Splits (tokens, mask) into the feeds of a sequence batch. */
function sequences(tokens: readonly number[][], mask: readonly number[][]) {
  return {
    inputs: intMatrix(tokens.map((row) => row.slice(0, -1))),
    targets: intMatrix(tokens.map((row) => row.slice(1))),
    lossMask: floatMatrix(mask.map((row) => row.slice(1))),
  };
}
type Sequences = ReturnType<typeof sequences>;
const prefixed = (chosen: Sequences, rejected: Sequences) => ({
  chosenInputs: chosen.inputs,
  chosenTargets: chosen.targets,
  chosenLossMask: chosen.lossMask,
  rejectedInputs: rejected.inputs,
  rejectedTargets: rejected.targets,
  rejectedLossMask: rejected.lossMask,
});
const { dpo } = golden;
const chosen = sequences(dpo.chosen, dpo.chosen_mask);
const rejected = sequences(dpo.rejected, dpo.rejected_mask);
const pairs = {
  ...prefixed(chosen, rejected),
  referenceChosen: vector(dpo.reference_chosen_logps),
  referenceRejected: vector(dpo.reference_rejected_logps),
};
const optimizer = defineOptimizer();

const pretraining = (gradientAccumulation: number, microBatchSize: number) =>
  pretrainingProgram({
    model: goldenConfig,
    microBatchSize,
    sequenceLength: time,
    gradientAccumulation,
    optimizer,
  }).program;

const preference = (gradientAccumulation = 1, microBatchSize = 4) =>
  dpoProgram({
    model: goldenConfig,
    microBatchSize,
    sequenceLength: 17,
    gradientAccumulation,
    optimizer,
    beta: dpo.beta,
  }).program;

async function readAll(executable: Executable): Promise<HostTensor[]> {
  const values: HostTensor[] = [];
  for (const name of names) values.push(await executable.readVariable(name));
  return values;
}

describe.each(everyExecutor)("on %s", async (kind) => {
  const engine = await openExecutor(kind);

  test("twelve steps of AdamW follow torch's trajectory", async () => {
    await using executable = await engine.compile(pretraining(1, rows));
    await loadGoldenWeights(executable);
    for (const expected of golden.adamw.trajectory) {
      const results = await executable.call("trainStep", {
        ...goldenBatch,
        learningRate: scalar(expected.learning_rate),
        step: scalar(expected.step),
      });
      expect(Math.abs(value(results, "loss") - expected.loss_before)).toBeLessThan(1e-3);
      expect(Math.abs(value(results, "gradientNorm") - expected.grad_norm)).toBeLessThan(
        1e-3 * expected.grad_norm + 1e-3,
      );
    }
    const still = { ...goldenBatch, learningRate: scalar(0), step: scalar(13) }; // moves no parameter
    const after = value(await executable.call("trainStep", still), "loss");
    expect(Math.abs(after - golden.adamw.loss_after)).toBeLessThan(1e-3);
    const expected = await readGolden("after-adamw.safetensors", names);
    (await readAll(executable)).forEach((tensor, index) =>
      expect(relativeError(tensor, expected[index]), names[index]).toBeLessThan(1e-3),
    );
  });

  test("micro-batches with unequal masks are the whole batch", async () => {
    await using whole = await engine.compile(pretraining(1, rows));
    await using parts = await engine.compile(pretraining(rows, 1));
    await loadGoldenWeights(whole);
    await loadGoldenWeights(parts);
    const row = (tensor: HostTensor, index: number): HostTensor =>
      tensor.dtype === "int32"
        ? int32([1, time], tensor.data.slice(index * time, (index + 1) * time))
        : float32([1, time], Float32Array.from(tensor.data.slice(index * time, (index + 1) * time)));
    for (let step = 1; step <= 3; step++) {
      const rates = { learningRate: scalar(0.01), step: scalar(step) };
      const expected = await whole.call("trainStep", { ...goldenBatch, ...rates });
      for (let index = 0; index < rows; index++)
        await parts.call("accumulate", {
          inputs: row(goldenBatch.inputs, index),
          targets: row(goldenBatch.targets, index),
          lossMask: row(goldenBatch.lossMask, index),
        });
      const results = await parts.call("applyGradients", rates);
      for (const name of ["loss", "gradientNorm"])
        expect(Math.abs(value(results, name) / value(expected, name) - 1)).toBeLessThan(1e-4);
    }
    const expected = await readAll(whole);
    (await readAll(parts)).forEach((tensor, index) =>
      expect(relativeError(tensor, expected[index])).toBeLessThan(1e-3),
    );
  });

  test("DPO's loss, rewards and norm are torch's", async () => {
    await using executable = await engine.compile(preference());
    await loadGoldenWeights(executable);
    for (const [side, expected] of [
      [chosen, dpo.reference_chosen_logps],
      [rejected, dpo.reference_rejected_logps],
    ] as const) {
      const { logProbabilities } = await executable.call("sequenceLogProbabilities", side);
      expected.forEach((logp, row) => expect(logProbabilities?.data[row]).toBeCloseTo(logp, 3));
    }
    await loadGoldenWeights(executable, "after-adamw.safetensors");
    const results = await executable.call("trainStep", {
      ...pairs,
      learningRate: scalar(1e-6),
      step: scalar(1),
    });
    const average = (values: readonly number[]) => values.reduce((sum, x) => sum + x, 0) / values.length;
    expect(Math.abs(value(results, "loss") - dpo.loss)).toBeLessThan(1e-4);
    expect(value(results, "rewardsChosen")).toBeCloseTo(average(dpo.rewards_chosen), 3);
    expect(value(results, "rewardsRejected")).toBeCloseTo(average(dpo.rewards_rejected), 3);
    expect(value(results, "rewardMargin")).toBeCloseTo(
      average(dpo.rewards_chosen) - average(dpo.rewards_rejected),
      3,
    );
    expect(value(results, "rewardAccuracy")).toBe(dpo.accuracy);
    expect(Math.abs(value(results, "gradientNorm") / dpo.grad_global_norm - 1)).toBeLessThan(1e-3);
  });

  test("each pair's DPO loss and each gradient are torch's", async () => {
    const variables = defineParameters(goldenConfig);
    const parameters = readParameters(variables);
    const [a, b] = [feedSequences(4, 17, { prefix: "chosen" }), feedSequences(4, 17, { prefix: "rejected" })];
    const reference = { chosen: feed("referenceChosen", [4]), rejected: feed("referenceRejected", [4]) };
    const { losses } = dpoLoss(pairLogProbabilities(goldenConfig, parameters, a, b), reference, dpo.beta);
    const grads = gradients(mean(losses), names.map(parameters));
    const program = defineProgram({
      variables,
      functions: [
        {
          name: "losses",
          feeds: [...sequenceFeeds(a), ...sequenceFeeds(b), reference.chosen, reference.rejected],
          fetches: { losses, ...Object.fromEntries(grads.map((grad, i) => [names[i] ?? "", grad])) },
          effects: [],
        },
      ],
    });
    await using executable = await engine.compile(program);
    await loadGoldenWeights(executable, "after-adamw.safetensors");
    const results = await executable.call("losses", pairs);
    dpo.losses.forEach((loss, pair) =>
      expect(Math.abs((results["losses"]?.data[pair] ?? NaN) - loss)).toBeLessThan(1e-4),
    );
    const expected = await readGolden(
      "dpo-gradients.safetensors",
      names.map((name) => `grad.${name}`),
    );
    names.forEach((name, index) =>
      expect(relativeError(results[name], expected[index]), name).toBeLessThan(1e-3),
    );
  });

  test("DPO starts at ln 2, and equal answers have no gradient", async () => {
    await using executable = await engine.compile(preference());
    await loadGoldenWeights(executable);
    const rates = { learningRate: scalar(1e-6), step: scalar(1) };
    const own = async (side: Sequences) =>
      (await executable.call("sequenceLogProbabilities", side))["logProbabilities"] ?? vector([]);
    const start = await executable.call("trainStep", {
      ...pairs,
      referenceChosen: await own(chosen),
      referenceRejected: await own(rejected),
      ...rates,
    });
    expect(value(start, "loss")).toBeCloseTo(Math.LN2, 4);
    expect(value(start, "gradientNorm")).toBeGreaterThan(0.1);
    const equal = await executable.call("trainStep", {
      ...prefixed(chosen, chosen),
      referenceChosen: vector([0, 0, 0, 0]),
      referenceRejected: vector([0, 0, 0, 0]),
      ...rates,
    });
    expect(value(equal, "loss")).toBeCloseTo(Math.LN2, 6);
    expect(value(equal, "gradientNorm")).toBeLessThan(1e-4);
    expect(value(equal, "rewardMargin")).toBeCloseTo(0, 4);
  });

  test("DPO by parts is DPO at once", async () => {
    await using executable = await engine.compile(preference(4, 1));
    await loadGoldenWeights(executable, "after-adamw.safetensors");
    const row = (tensor: HostTensor, index: number): HostTensor => {
      const width = tensor.data.length / 4;
      const shape = [1, ...tensor.shape.slice(1)];
      return tensor.dtype === "int32"
        ? int32(shape, tensor.data.slice(index * width, (index + 1) * width))
        : float32(shape, Float32Array.from(tensor.data.slice(index * width, (index + 1) * width)));
    };
    for (let pair = 0; pair < 4; pair++)
      await executable.call(
        "accumulate",
        Object.fromEntries(Object.entries(pairs).map(([name, all]) => [name, row(all, pair)])),
      );
    const results = await executable.call("applyGradients", { learningRate: scalar(1e-6), step: scalar(1) });
    expect(Math.abs(value(results, "loss") - dpo.loss)).toBeLessThan(1e-4);
    expect(value(results, "rewardAccuracy")).toBe(dpo.accuracy);
    expect(Math.abs(value(results, "gradientNorm") / dpo.grad_global_norm - 1)).toBeLessThan(1e-3);
  });

  test("a gradient is clipped as torch clips, and one below the limit is left alone", async () => {
    const move = async (gradientClip: number) => {
      const { program } = pretrainingProgram({
        model: goldenConfig,
        microBatchSize: rows,
        sequenceLength: time,
        gradientAccumulation: 1,
        // β₁ = 0 and a huge ε turn the step into plain descent: −lr·g/ε.
        optimizer: defineOptimizer({ beta1: 0, beta2: 0, epsilon: 1e6, weightDecay: 0, gradientClip }),
      });
      await using executable = await engine.compile(program);
      await loadGoldenWeights(executable);
      const before = await executable.readVariable("model.norm.weight");
      await executable.call("trainStep", { ...goldenBatch, learningRate: scalar(1e6), step: scalar(1) });
      const after = await executable.readVariable("model.norm.weight");
      return float32(
        before.shape,
        Float32Array.from(before.data, (x, i) => x - (after.data[i] ?? NaN)),
      );
    };
    const [gradient] = await readGolden("forward-backward.safetensors", ["grad.model.norm.weight"]);
    if (gradient === undefined) throw new Error("no golden gradient");
    const scaled = (factor: number) =>
      float32(
        gradient.shape,
        Float32Array.from(gradient.data, (g) => g * factor),
      );
    expect(relativeError(await move(1), scaled(1 / (golden.grad_global_norm + 1e-6)))).toBeLessThan(1e-3);
    expect(relativeError(await move(100), gradient)).toBeLessThan(1e-3);
  });

  test("a fresh model predicts every token alike: its loss is ln V", async () => {
    const model = defineLlama({
      hiddenSize: 128,
      intermediateSize: 352,
      numLayers: 2,
      numHeads: 4,
      numKvHeads: 2,
      vocabSize: 4096,
      contextLength: 64,
    });
    const { program } = pretrainingProgram({
      model,
      microBatchSize: 4,
      sequenceLength: 64,
      gradientAccumulation: 1,
      optimizer: defineOptimizer(),
    });
    await using executable = await engine.compile(program);
    const { nextGaussian, nextInt } = ((random) => ({
      nextGaussian: () => random.nextGaussian(),
      nextInt: (bound: number) => random.nextInt(bound),
    }))(createRandom(1));
    for (const info of listParameters(model))
      await executable.writeVariable(info.name, initialValue(info, model, nextGaussian));
    const ids = () =>
      int32(
        [4, 64],
        Int32Array.from({ length: 256 }, () => nextInt(4096)),
      );
    const results = await executable.call("trainStep", {
      inputs: ids(),
      targets: ids(),
      lossMask: float32([4, 64], new Float32Array(256).fill(1)),
      learningRate: scalar(0.001),
      step: scalar(1),
    });
    expect(Math.abs(value(results, "loss") - Math.log(4096))).toBeLessThan(0.15);
  });

  test("one batch can be learnt by heart", async () => {
    await using executable = await engine.compile(pretraining(1, rows));
    await loadGoldenWeights(executable);
    let loss = NaN;
    for (let step = 1; step <= 30; step++)
      loss = value(
        await executable.call("trainStep", {
          ...goldenBatch,
          learningRate: scalar(0.01),
          step: scalar(step),
        }),
        "loss",
      );
    expect(loss).toBeLessThan(0.05);
  });
});
