/** No op without a check of its gradient: a new op does not compile here before it is listed, and fails before it has a case. */
import fc from "fast-check";
import { expect, test } from "vitest";
import { ancestors } from "../../src/tensor/graph.ts";
import { operation } from "../../src/tensor/dump.ts";
import { opCases } from "./op-cases.ts";
import type { Operation } from "./operations.ts";

/** Checked: some case of op-cases.ts has it between a feed and its value. Else why there is nothing to check. */
const operations: Readonly<Record<Operation, "checked" | "a leaf" | "refused">> = {
  constant: "a leaf",
  feed: "checked",
  // Reads of one variable share a gradient: gradients.test.ts.
  variable: "a leaf",
  neg: "checked",
  exp: "checked",
  log: "checked",
  sqrt: "checked",
  rsqrt: "checked",
  sigmoid: "checked",
  softplus: "checked",
  add: "checked",
  sub: "checked",
  mul: "checked",
  div: "checked",
  maximum: "checked",
  minimum: "checked",
  less: "checked",
  greaterEqual: "checked",
  equal: "checked",
  select: "checked",
  cast: "checked",
  "reduce.sum": "checked",
  "reduce.max": "checked",
  argMax: "checked",
  reshape: "checked",
  transpose: "checked",
  broadcastTo: "checked",
  slice: "checked",
  pad: "checked",
  concat: "checked",
  matmul: "checked",
  gather: "checked",
  scatterAdd: "checked",
  after: "checked",
  recomputed: "checked",
  softmax: "checked",
  sparseCrossEntropy: "checked",
  // Their gradients are refused: gradients.test.ts, cached-attention.test.ts.
  cachedAttention: "refused",
  sparseCrossEntropyGradient: "refused",
};

/** What each case's value is computed by, of what depends on its feeds. */
function operationsOfCases(): Set<string> {
  const found = new Set<string>();
  for (const cases of Object.values(opCases))
    for (const { y } of fc.sample(cases, { numRuns: 20, seed: 1 })) {
      const dependent = new Set<number>();
      for (const node of ancestors([y])) {
        if (node.op.kind !== "feed" && !node.inputs.some(({ id }) => dependent.has(id))) continue;
        dependent.add(node.id);
        found.add(operation(node.op));
      }
    }
  return found;
}

test("every op has a case whose gradient is checked, or none by rights", () => {
  const checked = Object.entries(operations).flatMap(([name, state]) => (state === "checked" ? [name] : []));
  expect([...operationsOfCases()].sort()).toEqual(checked.sort());
});
