/** Folding changes no byte: what is folded in one function is given to the other as feeds, and so computed when it runs. */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { nodesOf } from "../../src/tensor/cost.ts";
import { gradients } from "../../src/tensor/gradients.ts";
import type { Tensor } from "../../src/tensor/graph.ts";
import * as ops from "../../src/tensor/ops.ts";
import { optimizeFunction } from "../../src/tensor/optimize.ts";
import { defineProgram, type ProgramFunction } from "../../src/tensor/program.ts";
import { copyComputation } from "../../src/tensor/recompute.ts";
import { float32, type HostTensor } from "../../src/tensor/types.ts";
import { executors, openExecutor } from "../model/executors.ts";
import { feedName, opCases, type OpCase } from "../tensor/op-cases.ts";

const hostOf = ({ shape, data }: OpCase["given"][number]["value"]): HostTensor =>
  float32(shape, Float32Array.from(data));

/** Value and gradients of Σ y², with the values of those of `isConstant` fed and with them written into the program. */
function bothWays({ y, given }: OpCase, isConstant: (index: number) => boolean) {
  const nodes = given.map(({ node }) => node);
  const fetches = Object.fromEntries([y, ...gradients(ops.sum(ops.mul(y, y)), nodes)].entries());
  const replaced = new Map(
    given.flatMap(({ node, value }, index): [Tensor, Tensor][] =>
      isConstant(index) ? [[node, ops.constant(hostOf(value))]] : [],
    ),
  );
  const written = Object.entries(fetches).map(([name, node]) => [name, copyComputation(node, replaced)]);
  const functionOf = (name: string, feeds: readonly Tensor[], results: ProgramFunction["fetches"]) => ({
    name,
    feeds,
    fetches: results,
    effects: [],
  });
  return {
    fed: functionOf("fed", nodes, fetches),
    constant: functionOf(
      "constant",
      nodes.filter((node) => !replaced.has(node)),
      Object.fromEntries(written) as ProgramFunction["fetches"],
    ),
  };
}

/** To the last bit, or, where TensorFlow's own optimizer rewrites what it knows (x / c as x · (1 / c)), nearly. */
function expectSame(exactly: boolean, result: HostTensor, expected: HostTensor): void {
  if (exactly) {
    expect(bits(result)).toEqual(bits(expected));
    return;
  }
  expect(result.shape).toEqual(expected.shape);
  for (const [index, value] of expected.data.entries())
    expect(Math.abs((result.data[index] ?? NaN) - value)).toBeLessThanOrEqual(
      1e-6 * Math.max(1, Math.abs(value)),
    );
}

const bits = ({ data }: HostTensor) => [
  ...new Uint8Array(data.buffer.slice(data.byteOffset, data.byteOffset + data.byteLength)),
];

describe.each(executors)("on %s", async (kind) => {
  const engine = await openExecutor(kind);
  test.each(Object.entries(opCases))("%s: outputs and gradients", async (_name, cases) => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.tuple(cases, fc.integer({ min: 1, max: 3 })), { minLength: 6, maxLength: 6 }),
        async (drawn) => {
          const pairs = drawn.map(([opCase, mask]) =>
            bothWays(opCase, (index) => ((mask >> index) & 1) === 1),
          );
          await using executable = await engine.compile(
            defineProgram({
              variables: [],
              functions: pairs.flatMap(({ fed, constant }, index) => [
                { ...fed, name: `fed${index}` },
                { ...constant, name: `constant${index}` },
              ]),
            }),
          );
          for (const [index, { constant }] of pairs.entries()) {
            const given = drawn[index]?.[0].given ?? [];
            const values = Object.fromEntries(
              given.map(({ node, value }) => [feedName(node), hostOf(value)]),
            );
            const needed = Object.fromEntries(
              constant.feeds.flatMap((node): [string, HostTensor][] => {
                const value = values[feedName(node)];
                return value === undefined ? [] : [[feedName(node), value]];
              }),
            );
            const expected = await executable.call(`fed${index}`, values);
            const results = await executable.call(`constant${index}`, needed);
            const { fetches } = optimizeFunction(constant);
            for (const [name, value] of Object.entries(expected)) {
              const exactly = kind === "wasm" || fetches[name]?.op.kind === "constant";
              expectSame(exactly, results[name] ?? float32([], new Float32Array(0)), value);
            }
          }
        },
      ),
      { numRuns: 2 },
    );
  });
});

/** Cases whose value is a constant once all that they read is: the others have an op that executors approximate. */
const folded = [
  ...[
    "neg",
    "add",
    "sub",
    "mul",
    "div",
    "square",
    "maximum",
    "minimum",
    "select",
    "compare and cast",
    "equal",
  ],
  ...["reshape", "transpose", "broadcastTo", "slice", "pad", "concat", "gather"],
];

test.each(folded)("%s of constants is a constant", (name) => {
  const cases = opCases[name];
  if (cases === undefined) throw new Error(`there is no case ${name}`);
  fc.assert(
    fc.property(cases, (opCase) => {
      const { constant } = bothWays(opCase, () => true);
      const { 0: y } = optimizeFunction(constant).fetches;
      expect(y?.op.kind).toBe("constant");
      expect(nodesOf(optimizeFunction(constant)).length).toBeLessThan(nodesOf(constant).length);
    }),
  );
});
