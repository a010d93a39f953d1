import { expect, test } from "vitest";
import { reasonChain } from "../../../src/cli/text/why-chain-text.ts";

const comesFrom = (field: string) => {
  return {
    code: "upstream-runs" as const,
    field,
    message: `input ${field} comes from a stage that runs first`,
  };
};

test("below an input from a stage that runs stands why that stage runs, each stage told once", () => {
  const words = {
    id: "words",
    reasons: [{ code: "param-changed" as const, field: "count", message: "param count: 3 → 4" }],
    inputs: {},
  };
  const count = { id: "count", reasons: [comesFrom("words")], inputs: { words: "words" } };
  const report = {
    reasons: [comesFrom("total"), comesFrom("words"), { code: "forced" as const, message: "asked to run" }],
    inputs: { total: "count", words: "words" },
  };
  expect(reasonChain(report, [words, count])).toEqual([
    "- input total comes from a stage that runs first",
    "    count:",
    "    - input words comes from a stage that runs first",
    "        words:",
    "        - param count: 3 → 4",
    "- input words comes from a stage that runs first",
    "    words: see above",
    "- asked to run",
  ]);
});
