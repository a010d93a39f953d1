import { expect, test } from "vitest";
import { gradients } from "../../src/tensor/gradients.ts";
import { ancestors, type Tensor } from "../../src/tensor/graph.ts";
import * as ops from "../../src/tensor/ops.ts";
import { defineVariable, feed, readVariable } from "../../src/tensor/program.ts";
import { recomputed } from "../../src/tensor/recompute.ts";
import { evaluate } from "./reference-evaluator.ts";

const values = {
  x: { shape: [2, 3], data: [0.5, -1, 2, 0.1, 0.7, -0.3] },
  w: { shape: [3, 3], data: [1, 0.5, -1, 0.2, 0.3, 0.4, -0.6, 0.9, 0.1] },
};
type Wrap = typeof recomputed;
const plain: Wrap = (inputs, build) => build(inputs);

/** Two layers with one weight and a skip connection around the second, in which a layer holds another. */
function lossAndGradients(wrap: Wrap): Tensor[] {
  const x = feed("x", [2, 3]);
  const w = readVariable(defineVariable("w", [3, 3]));
  const layer = (input: Tensor) =>
    wrap([input], ([y = input]) => {
      const hidden = ops.sigmoid(ops.matmul(y, w));
      return ops.mul(
        wrap([hidden], ([h = hidden]) => ops.exp(ops.mul(h, h))),
        y,
      );
    });
  const first = layer(x);
  const loss = ops.sum(ops.add(first, layer(first)));
  return [loss, ...gradients(loss, [x, w])];
}

test("recomputed values have the gradients that kept ones have, nested and with shared weights", () => {
  const kept = evaluate(lossAndGradients(plain), values);
  const again = evaluate(lossAndGradients(recomputed), values);
  for (const [index, { data }] of kept.entries())
    data.forEach((value, position) => {
      expect(again[index]?.data[position]).toBeCloseTo(value, 12);
    });
});

test("between loss and gradient only inputs and results of recomputed parts are read", () => {
  const roots = lossAndGradients(recomputed);
  const [loss] = roots;
  if (loss === undefined) throw new Error("no loss");
  const forward = new Set(ancestors([loss]));
  const inner = [...forward].filter(({ op }) => op.kind === "unary" || op.kind === "matmul");
  const readLater = ancestors(roots)
    .filter((node) => !forward.has(node))
    .flatMap(({ inputs }) => inputs);
  expect(inner.length).toBeGreaterThan(4);
  expect(inner.filter((node) => readLater.includes(node))).toEqual([]);
});

test("the second computation waits for the gradient that needs it, and for the one before it", () => {
  const roots = lossAndGradients(recomputed);
  const waits = ancestors(roots).filter(({ op }) => op.kind === "after");
  expect(waits.map(({ inputs }) => inputs.length)).toContain(3);
  for (const { inputs } of waits) expect(inputs.length).toBeGreaterThanOrEqual(2);
});
