import { expect, test } from "vitest";
import { nodesOf, productFlops } from "../../src/tensor/cost.ts";
import type { Tensor } from "../../src/tensor/graph.ts";
import { fullestMoment } from "../../src/tensor/liveness.ts";
import * as ops from "../../src/tensor/ops.ts";
import { defineVariable, feed, readVariable, type ProgramFunction } from "../../src/tensor/program.ts";

const functionOf = (y: Tensor, feeds: readonly Tensor[] = []): ProgramFunction => ({
  name: "run",
  feeds,
  fetches: { y },
  effects: [],
});
const ten = 40; // bytes of ten floats

test("a chain holds two values at a time", () => {
  const x = feed("x", [10]);
  expect(fullestMoment(functionOf(ops.exp(ops.exp(ops.exp(x))), [x])).bytes).toBe(2 * ten);
});

test("what is read once more at the end is held until then", () => {
  const x = feed("x", [10]);
  const first = ops.exp(x);
  const y = ops.add(ops.exp(ops.exp(first)), first);
  const { bytes, nodes } = fullestMoment(functionOf(y, [x]));
  expect(bytes).toBe(3 * ten);
  expect(nodes).toContain(first);
});

test("a reshape, a wait and a recomputed value have no memory of their own; a variable's is not counted", () => {
  const w = readVariable(defineVariable("w", [10]));
  const y = ops.exp(ops.reshape(ops.after(ops.reshape(ops.exp(w), [2, 5]), [w]), [10]));
  expect(fullestMoment(functionOf(y)).bytes).toBe(2 * ten);
});

test("a product takes two operations for each element of each inner product, whichever side is transposed", () => {
  const [a, b] = [feed("a", [3, 5, 2]), feed("b", [3, 7, 5])];
  const y = ops.matmul(a, b, { transposeA: true, transposeB: true }); // (3, 2, 7)
  expect(productFlops(nodesOf(functionOf(y, [a, b])))).toBe(2 * 3 * 2 * 5 * 7);
});
