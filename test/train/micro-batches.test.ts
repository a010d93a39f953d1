/**
 * Eight rows at once, or one by one with their gradients added up: the same loss and gradient norm, however unevenly the supervised
 * tokens lie. And every executor takes the same steps.
 */
import { expect, test } from "vitest";
import { createRandom } from "../../src/data/random.ts";
import { defineLlama } from "../../src/model/llama-config.ts";
import { initialValue, listParameters } from "../../src/model/llama-parameters.ts";
import { float32, int32, scalar, type HostTensor } from "../../src/tensor/types.ts";
import { defineOptimizer } from "../../src/train/optimizer.ts";
import { pretrainingProgram } from "../../src/train/pretraining-program.ts";
import { everyExecutor, executors, openExecutor } from "../model/executors.ts";
import { relativeError } from "../model/golden-llama.ts";

const [rows, time, steps] = [8, 12, 4];
const model = defineLlama({
  hiddenSize: 24,
  intermediateSize: 40,
  numLayers: 2,
  numHeads: 4,
  numKvHeads: 2,
  vocabSize: 50,
  contextLength: time,
});
const parameters = listParameters(model);
/** Of each row: none, one, a few, all. */
const supervised = [0, 1, 12, 3, 7, 1, 12, 5];

function batchOf(step: number) {
  const random = createRandom(`step ${step}`);
  const ids = () => Int32Array.from({ length: rows * time }, () => random.nextInt(model.vocabSize));
  return {
    inputs: ids(),
    targets: ids(),
    lossMask: Float32Array.from({ length: rows * time }, (_, at) =>
      Number(at % time < (supervised[Math.floor(at / time)] ?? 0)),
    ),
  };
}

interface Outcome {
  /** Of each step. */
  readonly losses: readonly number[];
  readonly gradientNorms: readonly number[];
  readonly weights: readonly HostTensor[];
}

async function train(kind: (typeof everyExecutor)[number], microBatchSize: number): Promise<Outcome> {
  const gradientAccumulation = rows / microBatchSize;
  const { program } = pretrainingProgram({
    model,
    microBatchSize,
    sequenceLength: time,
    gradientAccumulation,
    optimizer: defineOptimizer(),
  });
  await using executable = await (await openExecutor(kind)).compile(program);
  const random = createRandom("weights");
  for (const info of parameters)
    await executable.writeVariable(
      info.name,
      initialValue(info, model, () => random.nextGaussian()),
    );
  const losses: number[] = [];
  const gradientNorms: number[] = [];
  for (let step = 1; step <= steps; step++) {
    const { inputs, targets, lossMask } = batchOf(step);
    const part = (index: number) => {
      const [shape, from, to] = [
        [microBatchSize, time],
        index * microBatchSize * time,
        (index + 1) * microBatchSize * time,
      ] as const;
      return {
        inputs: int32(shape, inputs.slice(from, to)),
        targets: int32(shape, targets.slice(from, to)),
        lossMask: float32(shape, lossMask.slice(from, to)),
      };
    };
    const rates = { learningRate: scalar(0.01), step: scalar(step) };
    if (gradientAccumulation > 1)
      for (let index = 0; index < gradientAccumulation; index++)
        await executable.call("accumulate", part(index));
    const results =
      gradientAccumulation === 1
        ? await executable.call("trainStep", { ...part(0), ...rates })
        : await executable.call("applyGradients", rates);
    losses.push(results["loss"]?.data[0] ?? NaN);
    gradientNorms.push(results["gradientNorm"]?.data[0] ?? NaN);
  }
  const weights: HostTensor[] = [];
  for (const { name } of parameters) weights.push(await executable.readVariable(name));
  return { losses, gradientNorms, weights };
}

function expectSame(found: Outcome, expected: Outcome, tolerance: number): void {
  for (const what of ["losses", "gradientNorms"] as const)
    expected[what].forEach((value, step) => {
      expect(Math.abs((found[what][step] ?? NaN) / value - 1), `${what} of step ${step + 1}`).toBeLessThan(
        tolerance,
      );
    });
  expected.weights.forEach((weight, index) => {
    const found_ = found.weights[index];
    expect(found_ === undefined ? NaN : relativeError(found_, weight), parameters[index]?.name).toBeLessThan(
      tolerance,
    );
  });
}

test.each(everyExecutor)("on %s one row at a time, or two, is eight at once", async (kind) => {
  const whole = await train(kind, rows);
  // A mean of each row's mean would be another number: the test can fail.
  expect(new Set(supervised).size).toBeGreaterThan(3);
  for (const microBatchSize of [1, 2]) expectSame(await train(kind, microBatchSize), whole, 1e-4);
});

test.each(executors.filter((kind) => kind === "tensorflow"))(
  "%s and the interpreter agree within 1e-4",
  async (kind) => {
    for (const microBatchSize of [rows, 1]) {
      const native = await train(kind, microBatchSize);
      for (const interpreter of ["wasm", "cpu"] as const)
        expectSame(native, await train(interpreter, microBatchSize), 1e-4);
    }
  },
);
