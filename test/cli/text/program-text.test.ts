import { expect, test } from "vitest";
import { programMermaid, summarise, summaryText } from "../../../src/cli/text/program-text.ts";
import { withScope } from "../../../src/tensor/graph.ts";
import * as ops from "../../../src/tensor/ops.ts";
import { optimizeFunction } from "../../../src/tensor/optimize.ts";
import { defineVariable, feed, readVariable, type ProgramFunction } from "../../../src/tensor/program.ts";

/** A block of two parts, then a sum, and a variable that takes it. */
function small(): ProgramFunction {
  const x = feed("x", [2, 3]);
  const w = defineVariable("w", [3, 3]);
  const read = readVariable(w);
  const y = withScope("layers.0", () => {
    const attended = withScope("attention", () => ops.matmul(x, read));
    return withScope("feedForward", () => ops.add(ops.exp(attended), ops.exp(attended)));
  });
  const loss = ops.sum(y);
  return {
    name: "run",
    feeds: [x],
    fetches: { loss },
    effects: [{ kind: "assignAdd", variable: w, value: ops.broadcastTo(loss, [3, 3]) }],
  };
}

test("the summary counts nodes before and after sharing, products, constants and effects", () => {
  const fn = small();
  const summary = summarise(fn, optimizeFunction(fn));
  expect(summary).toMatchObject({
    nodes: 7,
    nodesWritten: 8,
    flops: 2 * 2 * 3 * 3,
    constants: 0,
    effects: 1,
  });
  expect(summaryText(summary)).toBe(
    "run: 7 nodes (8 as written), 36 FLOPs, 0 constants of 0 B, 1 effect; 1 add, 1 broadcastTo, 1 exp, 1 feed, 1 matmul, 1 reduce.sum, 1 variable",
  );
});

test("Mermaid draws a block as one box, with what goes in and out", () => {
  expect(programMermaid(small(), true)).toBe(
    [
      "%% run",
      "flowchart TD",
      '  s0["layers.0<br/>2 exp, 1 add, 1 matmul<br/>36 FLOPs"]',
      '  s1["loss and update<br/>1 broadcastTo, 1 reduce.sum<br/>changes 1 variable"]',
      '  s0 -- "(2, 3)" --> s1',
    ].join("\n"),
  );
});

test("expanded, a block is a subgraph of its parts", () => {
  expect(programMermaid(small(), false)).toBe(
    [
      "%% run",
      "flowchart TD",
      '  subgraph b0 ["layers.0"]',
      '    s0["attention<br/>1 matmul<br/>36 FLOPs"]',
      '    s1["feedForward<br/>2 exp, 1 add"]',
      "  end",
      '  s2["loss and update<br/>1 broadcastTo, 1 reduce.sum<br/>changes 1 variable"]',
      '  s0 -- "(2, 3)" --> s1',
      '  s1 -- "(2, 3)" --> s2',
    ].join("\n"),
  );
});
