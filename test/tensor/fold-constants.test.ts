import { expect, test } from "vitest";
import { dumpFunction } from "../../src/tensor/dump.ts";
import { maxFoldedBytes, maxFoldingBytes } from "../../src/tensor/fold-constants.ts";
import type { Tensor } from "../../src/tensor/graph.ts";
import * as ops from "../../src/tensor/ops.ts";
import { optimizeFunction } from "../../src/tensor/optimize.ts";
import { feed } from "../../src/tensor/program.ts";
import { float32, int32 } from "../../src/tensor/types.ts";

const numbers = (...values: number[]) => ops.constant(float32([values.length], Float32Array.from(values)));
const integers = (...values: number[]) => ops.constant(int32([values.length], Int32Array.from(values)));

const optimized = (y: Tensor, feeds: readonly Tensor[] = []) =>
  optimizeFunction({ name: "run", feeds, fetches: { y }, effects: [] });

/** What is left of it: a constant's elements, or the op that must still run. */
function folded(y: Tensor): readonly number[] | string {
  const op = optimized(y).fetches["y"]?.op;
  return op?.kind === "constant" ? [...op.value.data] : (op?.kind ?? "nothing");
}

test("the dump shows what constants came to", () => {
  const x = feed("x", [3]);
  const scale = ops.div(ops.add(numbers(1, 2, 3), 1), ops.mul(ops.scalarConstant(2), 2));
  const text = dumpFunction(optimized(ops.mul(x, scale), [x]));
  expect(text).toMatch(/^run\(x: float32\(3\)\):\n.*feed\(x\)\n.*constant\(0\.5, 0\.75, 1\)\n.*mul\(.*\)\n/);
});

test("a constant that is folded twice is one", () => {
  const twice = ops.concat([ops.add(numbers(1, 2), 1), ops.mul(numbers(1, 1.5), 2), feed("x", [1])], 0);
  const { fetches } = optimized(twice);
  expect(fetches["y"]?.inputs[0]).toBe(fetches["y"]?.inputs[1]);
});

test("results round once, to float32", () => {
  const third = Math.fround(1 / 3);
  expect(folded(ops.div(numbers(1), 3))).toEqual([third]);
  expect(folded(ops.add(ops.div(numbers(1), 3), numbers(1e-9)))).toEqual([
    Math.fround(third + Math.fround(1e-9)),
  ]);
});

test("zeros of any size stay a broadcast", () => {
  const elements = maxFoldedBytes / 4;
  expect(folded(ops.zeros([elements]))).toHaveLength(elements);
  expect(folded(ops.zeros([elements + 1]))).toBe("broadcastTo");
  expect(folded(ops.zeros([20_000, 576]))).toBe("broadcastTo");
});

test("what is made from a large table is left to run", () => {
  const table = (rows: number) => ops.constant(float32([rows, 4], new Float32Array(rows * 4)));
  const rows = maxFoldingBytes / 16;
  const first = (x: Tensor) => ops.slice(x, [0, 0], [1, 4]);
  expect(folded(first(table(rows)))).toEqual([0, 0, 0, 0]);
  expect(folded(first(table(rows + 1)))).toBe("slice");
});

test.each<[string, Tensor]>([
  ["an infinity", ops.div(numbers(1), 0)],
  ["no number", ops.div(numbers(0), 0)],
  ["a subnormal number", ops.mul(numbers(1e-30), 1e-15)],
  ["an overflow of float32", ops.mul(numbers(1e30), 1e30)],
  ["an overflow of int32", ops.mul(integers(65_536), integers(65_536))],
  ["a quotient of integers", ops.div(integers(-7), integers(2))],
  ["the larger of two zeros", ops.maximum(numbers(0), numbers(-0))],
  ["a row that is not there", ops.gather(numbers(1, 2), integers(2))],
  ["an exponential", ops.exp(numbers(1))],
  ["a sum", ops.sum(numbers(0.1, 0.2))],
  ["what waits for something", ops.after(numbers(1), [feed("x", [1])])],
])("%s is left to the executor", (_name, y) => {
  expect(folded(y)).toBeTypeOf("string");
});
