import fc from "fast-check";
import { expect, test } from "vitest";
import { nodesOf } from "../../src/tensor/cost.ts";
import { gradients } from "../../src/tensor/gradients.ts";
import type { Tensor } from "../../src/tensor/graph.ts";
import * as ops from "../../src/tensor/ops.ts";
import { optimizeFunction } from "../../src/tensor/optimize.ts";
import { defineVariable, feed, readVariable, type ProgramFunction } from "../../src/tensor/program.ts";
import { recomputed } from "../../src/tensor/recompute.ts";
import { float32 } from "../../src/tensor/types.ts";
import { opCases, type OpCase } from "./op-cases.ts";
import { evaluate } from "./reference-evaluator.ts";

const functionOf = (
  fetches: Readonly<Record<string, Tensor>>,
  feeds: readonly Tensor[],
): ProgramFunction => ({
  name: "run",
  feeds,
  fetches,
  effects: [],
});

const kinds = (fn: ProgramFunction): readonly string[] => nodesOf(fn).map(({ op }) => op.kind);
const count = (fn: ProgramFunction, kind: string) => kinds(fn).filter((each) => each === kind).length;

/** Its value and gradients twice over, as a function written carelessly would have them. */
function careless({ y, given }: OpCase): ProgramFunction {
  const nodes = given.map(({ node }) => node);
  const again = () => [y, ...gradients(ops.sum(ops.mul(y, y)), nodes)];
  return functionOf(Object.fromEntries([...again(), ...again()].entries()), nodes);
}

test.each(Object.entries(opCases))("%s: the same values, never more nodes", (_name, cases) => {
  fc.assert(
    fc.property(cases, (opCase) => {
      const fn = careless(opCase);
      const optimized = optimizeFunction(fn);
      const given = Object.fromEntries(
        opCase.given.map(({ node, value }) => [node.op.kind === "feed" ? node.op.name : "", value]),
      );
      expect(evaluate(Object.values(optimized.fetches), given)).toEqual(
        evaluate(Object.values(fn.fetches), given),
      );
      expect(nodesOf(optimized).length).toBeLessThan(nodesOf(fn).length);
      const once = nodesOf(optimized).length;
      expect(nodesOf(optimizeFunction(optimized)).length).toBe(once);
    }),
    { numRuns: 20 },
  );
});

test("equal nodes are one, whoever reads them, and nodes stay in their order", () => {
  const x = feed("x", [2]);
  const one = ops.mul(ops.exp(x), 2);
  const two = ops.mul(ops.exp(x), 2);
  const fn = optimizeFunction(functionOf({ y: ops.add(one, two) }, [x]));
  expect(kinds(fn)).toEqual(["feed", "constant", "unary", "binary", "binary"]);
});

test("a function in which nothing is equal is left as it is", () => {
  const x = feed("x", [2]);
  const fn = functionOf({ y: ops.exp(ops.exp(x)) }, [x]);
  expect(optimizeFunction(fn)).toBe(fn);
});

test("two feeds of one name are two values; two reads of a variable are one", () => {
  const w = defineVariable("w", [2]);
  const [a, b] = [feed("x", [2]), feed("x", [2])];
  const fn = functionOf(
    { y: ops.add(ops.exp(a), ops.exp(b)), z: ops.add(readVariable(w), readVariable(w)) },
    [a, b],
  );
  const optimized = optimizeFunction(fn);
  expect(count(optimized, "unary")).toBe(2);
  expect(count(optimized, "variable")).toBe(1);
});

test("constants are compared by what they hold, and by type and shape", () => {
  const numbers = (shape: number[], ...values: number[]) =>
    ops.constant(float32(shape, Float32Array.of(...values)));
  const fetches = {
    a: numbers([2], 1, 2),
    b: numbers([2], 1, 2),
    c: numbers([2, 1], 1, 2),
    d: numbers([2], 1, 3),
  };
  expect(count(optimizeFunction(functionOf(fetches, [])), "constant")).toBe(3);
});

test("effects read what stayed", () => {
  const w = defineVariable("w", [2]);
  const x = feed("x", [2]);
  const fn: ProgramFunction = {
    ...functionOf({ y: ops.exp(x) }, [x]),
    effects: [{ kind: "assignAdd", variable: w, value: ops.exp(x) }],
  };
  const { fetches, effects } = optimizeFunction(fn);
  expect(effects).toEqual([{ kind: "assignAdd", variable: w, value: fetches["y"] }]);
});

test("what is computed again on purpose is not taken for the first computation", () => {
  const x = feed("x", [3]);
  const y = recomputed([x], ([input = x]) => ops.exp(ops.sigmoid(input)));
  const fn = functionOf(Object.fromEntries([y, ...gradients(ops.sum(ops.mul(y, y)), [x])].entries()), [x]);
  const optimized = optimizeFunction(fn);
  const sigmoids = nodesOf(optimized).filter(({ op }) => op.kind === "unary" && op.fn === "sigmoid");
  expect(sigmoids.map(({ inputs: [input] }) => input?.op.kind)).toEqual(["feed", "after"]);
  expect(count(optimized, "recomputed")).toBe(1);
});
