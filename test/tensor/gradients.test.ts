import { expect, test } from "vitest";
import { dumpFunction } from "../../src/tensor/dump.ts";
import { gradients } from "../../src/tensor/gradients.ts";
import { ancestors } from "../../src/tensor/graph.ts";
import * as ops from "../../src/tensor/ops.ts";
import { defineVariable, feed, readVariable } from "../../src/tensor/program.ts";
import { int32 } from "../../src/tensor/types.ts";
import { evaluate } from "./reference-evaluator.ts";

test("a tensor used several times gets the sum of its gradients", () => {
  const x = feed("x", [2]);
  const loss = ops.sum(ops.add(ops.mul(x, x), ops.mul(x, 3)));
  const [gradient] = evaluate(gradients(loss, [x]), { x: { shape: [2], data: [1, -4] } });
  expect(gradient?.data).toEqual([5, -5]);
});

test("two reads of one variable are one value", () => {
  const w = defineVariable("w", [3, 2]);
  const embedded = ops.gather(readVariable(w), ops.constant(int32([1], Int32Array.of(1))));
  const loss = ops.sum(ops.matmul(embedded, readVariable(w), { transposeB: true }));
  const [gradient] = evaluate(gradients(loss, [readVariable(w)]), {
    w: { shape: [3, 2], data: [1, 2, 3, 4, 5, 6] },
  });
  // d/dW of Σᵥ w₁·wᵥ: every row gets w₁, and row 1 also Σᵥ wᵥ.
  expect(gradient?.data).toEqual([3, 4, 12, 16, 3, 4]);
});

test("the gradient of what the loss does not depend on is zeros", () => {
  const [x, other] = [feed("x", [2]), feed("other", [2, 3])];
  const [gradient] = evaluate(gradients(ops.sum(x), [other]), { x: { shape: [2], data: [1, 2] } });
  expect(gradient).toEqual({ shape: [2, 3], data: [0, 0, 0, 0, 0, 0] });
});

test("matrix gradients use flags and make no transposes", () => {
  for (const transposeA of [false, true])
    for (const transposeB of [false, true]) {
      const a = feed("a", transposeA ? [3, 2] : [2, 3]);
      const b = feed("b", transposeB ? [4, 3] : [3, 4]);
      const loss = ops.sum(ops.matmul(a, b, { transposeA, transposeB }));
      const kinds = ancestors(gradients(loss, [a, b])).map(({ op }) => op.kind);
      expect(kinds).not.toContain("transpose");
      expect(kinds.filter((kind) => kind === "matmul")).toHaveLength(2);
    }
});

test("slices that tile their source give a concat and no padding", () => {
  const x = feed("x", [2, 4]);
  const halves = [ops.slice(x, [0, 2], [2, 2]), ops.slice(x, [0, 0], [2, 2])];
  const kinds = ancestors(gradients(ops.sum(ops.exp(ops.concat(halves, 1))), [x])).map(({ op }) => op.kind);
  expect(kinds).not.toContain("pad");
});

test("gradients are refused where there are none", () => {
  const x = feed("x", [2]);
  expect(() => gradients(x, [x])).toThrow(/NOT|scalar/);
  const logits = feed("logits", [2, 3]);
  const labels = ops.constant(int32([2], Int32Array.of(0, 1)));
  const [first] = gradients(ops.sum(ops.sparseCrossEntropy(logits, labels)), [logits]);
  expect(() => gradients(ops.sum(ops.mul(first ?? logits, 2)), [logits])).toThrow("second derivatives");
});

test("a dump names every node, its shape, its inputs and its place", () => {
  const x = feed("x", [2, 3]);
  const w = defineVariable("w", [4, 3]);
  const y = ops.matmul(x, readVariable(w), { transposeB: true });
  const text = dumpFunction({ name: "forward", feeds: [x], fetches: { y }, effects: [] });
  expect(text).toMatch(
    /^forward\(x: float32\(2, 3\)\):\n {2}%\d+ float32\(2, 3\) = feed\(x\)\n {2}%\d+ float32\(4, 3\) = variable\(w\)\n {2}%\d+ float32\(2, 4\) = matmul\(%\d+, %\d+ᵀ\)\n {2}fetch y = %\d+\n$/,
  );
});
