/** Products in bfloat16 around float32 weights, on every executor. */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { createRandom } from "../../src/data/random.ts";
import type { Engine } from "../../src/engine/engine.ts";
import { defineLlama } from "../../src/model/llama-config.ts";
import { initialValue, listParameters } from "../../src/model/llama-parameters.ts";
import { multiplyIn, type Precision } from "../../src/model/precision.ts";
import { roundToBfloat16 } from "../../src/tensor/bfloat16.ts";
import { bytesOf, nodesOf } from "../../src/tensor/cost.ts";
import { gradients } from "../../src/tensor/gradients.ts";
import * as ops from "../../src/tensor/ops.ts";
import { defineProgram, feed } from "../../src/tensor/program.ts";
import { float32, int32, scalar } from "../../src/tensor/types.ts";
import { backwardFunction, keptForBackward } from "../../src/train/estimate-memory.ts";
import { defineOptimizer } from "../../src/train/optimizer.ts";
import { pretrainingProgram } from "../../src/train/pretraining-program.ts";
import { executors, openExecutor } from "./executors.ts";

const model = defineLlama({
  hiddenSize: 32,
  intermediateSize: 48,
  numLayers: 2,
  numHeads: 4,
  numKvHeads: 2,
  vocabSize: 64,
  contextLength: 16,
});
const shape = [4, model.contextLength];
const trainingIn = (precision: Precision) =>
  pretrainingProgram({
    model,
    microBatchSize: 4,
    sequenceLength: model.contextLength,
    gradientAccumulation: 1,
    optimizer: defineOptimizer(),
    precision,
  });

const probe = "model.layers.0.mlp.up_proj.weight";

/** Thirty steps over three batches; every loss, and a weight after them. */
async function train(engine: Engine, precision: Precision) {
  await using executable = await engine.compile(trainingIn(precision).program);
  const random = createRandom("weights");
  for (const info of listParameters(model))
    await executable.writeVariable(
      info.name,
      initialValue(info, model, () => random.nextGaussian()),
    );
  const losses: number[] = [];
  for (let step = 1; step <= 30; step++) {
    const inputs = Int32Array.from(
      { length: 64 },
      (_, index) => (index * 7 + (step % 3) * 11) % model.vocabSize,
    );
    const { loss } = await executable.call("trainStep", {
      inputs: int32(shape, inputs),
      targets: int32(
        shape,
        inputs.map((id) => (id * 3 + 1) % model.vocabSize),
      ),
      lossMask: float32(shape, new Float32Array(64).fill(1)),
      learningRate: scalar(3e-3),
      step: scalar(step),
    });
    losses.push(loss?.data[0] ?? NaN);
  }
  return { losses, weight: await executable.readVariable(probe) };
}

const numbers = (rows: number, columns: number) =>
  fc.array(fc.float({ min: -4, max: 4, noNaN: true }), {
    minLength: rows * columns,
    maxLength: rows * columns,
  });

describe.each(executors)("on %s", async (kind) => {
  const engine = await openExecutor(kind);

  test("a cast rounds to the nearest bfloat16, ties to even", async () => {
    const x = feed("x", [256]);
    const y = ops.cast(ops.cast(x, "bfloat16"), "float32");
    await using executable = await engine.compile(
      defineProgram({ variables: [], functions: [{ name: "run", feeds: [x], fetches: { y }, effects: [] }] }),
    );
    // Every second one is a tie between two neighbours.
    const values = Float32Array.from(
      { length: 256 },
      (_, index) => (index % 3 === 0 ? -1 : 1) * (1 + index * 2 ** -8),
    );
    const { y: result } = await executable.call("run", { x: float32([256], values) });
    roundToBfloat16(values);
    expect(result?.data).toEqual(values);
  });

  test("a product and its gradients are those of rounded factors, to the last place", async () => {
    const [a, b] = [feed("a", [3, 5]), feed("b", [5, 2])];
    const y = multiplyIn("bfloat16")(a, b);
    const [da, db] = gradients(ops.sum(ops.mul(y, 0.5)), [a, b]);
    if (da === undefined || db === undefined) throw new Error("no gradients");
    const fn = { name: "run", feeds: [a, b], fetches: { y, da, db }, effects: [] };
    await using executable = await engine.compile(defineProgram({ variables: [], functions: [fn] }));
    await fc.assert(
      fc.asyncProperty(numbers(3, 5), numbers(5, 2), async (left, right) => {
        const [x, z] = [Float32Array.from(left), Float32Array.from(right)];
        const results = await executable.call("run", { a: float32([3, 5], x), b: float32([5, 2], z) });
        for (const each of [x, z]) roundToBfloat16(each);
        const at = (values: Float32Array, index: number) => values[index] ?? NaN;
        for (let row = 0; row < 3; row++)
          for (let column = 0; column < 2; column++) {
            const terms = [0, 1, 2, 3, 4].map((k) => at(x, row * 5 + k) * at(z, k * 2 + column));
            const exact = terms.reduce((sum, term) => sum + term, 0);
            const size = terms.reduce((sum, term) => sum + Math.abs(term), 0);
            // A last place of bfloat16, because TensorFlow cuts products off, and what sums in float32 may lose.
            const error = Math.abs((results["y"]?.data[row * 2 + column] ?? NaN) - exact);
            expect(error).toBeLessThanOrEqual(2 ** -7 * Math.abs(exact) + 1e-6 * size + 1e-30);
          }
        for (let k = 0; k < 5; k++) {
          const exact = 0.5 * (at(z, k * 2) + at(z, k * 2 + 1));
          const size = Math.abs(at(z, k * 2)) + Math.abs(at(z, k * 2 + 1));
          const error = Math.abs((results["da"]?.data[k] ?? NaN) - exact);
          expect(error).toBeLessThanOrEqual(2 ** -7 * Math.abs(exact) + 1e-6 * size + 1e-30);
        }
      }),
      { numRuns: 20 },
    );
  });

  test("losses follow those of float32, and weights keep all their digits", async () => {
    const exact = await train(engine, "float32");
    const mixed = await train(engine, "bfloat16");
    expect(exact.losses.at(-1)).toBeLessThan(0.6 * (exact.losses[0] ?? NaN));
    for (const [step, loss] of exact.losses.entries())
      expect(Math.abs((mixed.losses[step] ?? NaN) - loss), `step ${step + 1}`).toBeLessThan(
        0.02 * loss + 0.01,
      );
    expect(mixed.losses).not.toEqual(exact.losses);
    const { data } = mixed.weight;
    if (!(data instanceof Float32Array)) throw new Error("weights are float32");
    const rounded = data.slice();
    roundToBfloat16(rounded);
    expect(rounded).not.toEqual(data);
  });
});

test("every product of the blocks is in bfloat16, that of the logits in float32", () => {
  const products = nodesOf(backwardFunction(trainingIn("bfloat16"))).filter(({ op }) => op.kind === "matmul");
  const typesIn = (part: string) =>
    new Set(products.filter(({ scope }) => scope.includes(part)).map(({ dtype }) => dtype));
  expect([...typesIn("layers.")]).toEqual(["bfloat16"]);
  expect([...typesIn("head")]).toEqual(["float32"]);
});

test("the estimate counts the rounded copies of weights that the gradient reads", () => {
  const kept = [...keptForBackward(backwardFunction(trainingIn("bfloat16")))];
  const copies = kept.filter(({ dtype, inputs: [x] }) => dtype === "bfloat16" && x?.op.kind === "variable");
  const { hiddenSize: width, intermediateSize, numLayers } = model;
  const keyValueWidth = width / 2;
  const perLayer = 2 * width * width + 2 * keyValueWidth * width + 3 * intermediateSize * width;
  expect(copies.reduce((total, node) => total + bytesOf(node), 0)).toBe(2 * numLayers * perLayer);
});
