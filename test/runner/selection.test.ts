import { expect, test } from "vitest";
import type { ResolvedPipeline } from "../../src/pipeline/define-pipeline.ts";
import type { AnyStage } from "../../src/pipeline/stage.ts";
import { selectStages, type Selection } from "../../src/runner/selection.ts";

/** `a → b → c`, `b → d`, and `e`, which stands alone; the output `last` is made by c. */
const NEEDS: Readonly<Record<string, readonly string[]>> = { a: [], b: ["a"], c: ["b"], d: ["b"], e: [] };

const stage = (name: string) => ({ name }) as unknown as AnyStage;
const pipeline: ResolvedPipeline = {
  name: "test",
  stages: Object.entries(NEEDS).map(([id, needs]) => ({
    id,
    stage: stage(`stage-${id}`),
    inputs: Object.fromEntries(needs.map((stageId) => [stageId, { stageId, output: "out" }])),
    params: {},
  })),
  outputs: { last: { stageId: "c", output: "out" } },
};

function select(targets: readonly string[], selection: Selection = {}) {
  const { ids, forced, mustBeCached } = selectStages(pipeline, targets, selection);
  const text = (set: ReadonlySet<string>) => [...set].sort().join("");
  return { ids: text(ids), forced: text(forced), mustBeCached: text(mustBeCached) };
}

test.each<[what: string, targets: readonly string[], selection: Selection, ids: string, forced: string]>([
  ["no target selects everything", [], {}, "abcde", ""],
  ["a target selects what it needs", ["last"], {}, "abc", ""],
  ["a stage name selects all its instances", ["stage-d"], {}, "abd", ""],
  ["--force forces the stage alone", [], { force: ["b"] }, "abcde", "b"],
  ["--from forces a stage and whatever follows it", [], { from: ["b"] }, "abcde", "bcd"],
  ["--from stays within what the targets need", ["d"], { from: ["b"] }, "abd", "bd"],
  ["--until leaves out what follows, and keeps what stands alone", [], { until: ["b"] }, "abe", ""],
  ["--until stops on the way to a target", ["c"], { until: ["b"] }, "ab", ""],
  ["--from and --until force what lies between", [], { from: ["a"], until: ["b"] }, "abe", "ab"],
  ["--from of the stage where --until ends forces it", [], { from: ["b"], until: ["b"] }, "abe", "b"],
])("%s", (_what, targets, selection, ids, forced) => {
  expect(select(targets, selection)).toEqual({ ids, forced, mustBeCached: "" });
});

test("--only selects what it needs as well, but that must be cached", () => {
  expect(select([], { only: ["c"] })).toEqual({ ids: "abc", forced: "", mustBeCached: "ab" });
  expect(select([], { only: ["b", "c"], force: ["b"] })).toEqual({
    ids: "abc",
    forced: "b",
    mustBeCached: "a",
  });
});

test.each<[selection: Selection, targets: readonly string[], code: string, message: string]>([
  [
    { only: ["c"] },
    ["d"],
    "SELECTION_CONTRADICTORY",
    "--only names all that may run, so it goes with no targets",
  ],
  [{ only: ["c"], from: ["a"] }, [], "SELECTION_CONTRADICTORY", "it goes with no --from"],
  [{ only: ["c"], until: ["a"] }, [], "SELECTION_CONTRADICTORY", "it goes with no --until"],
  [{ from: ["c"], until: ["b"] }, [], "SELECTION_CONTRADICTORY", "--from c lies behind --until b"],
  [{ force: ["d"], until: ["b"] }, [], "SELECTION_CONTRADICTORY", "--force d lies behind --until b"],
  [{ until: ["c", "a"] }, [], "SELECTION_CONTRADICTORY", "--until c lies behind --until a"],
  [{ from: ["e"] }, ["c"], "NOT_SELECTED", "--from names e"],
  [{ until: ["d"] }, ["c"], "NOT_SELECTED", "--until names d"],
  [{ force: ["d"] }, ["c"], "NOT_SELECTED", "--force names d"],
  [{ force: ["a"], only: ["c"] }, [], "NOT_SELECTED", "--force names a"],
  [{ from: ["x"] }, [], "UNKNOWN_TARGET", "x is no stage"],
])("%j with targets %j is refused: %s", (selection, targets, code, message) => {
  const refused = () => select(targets, selection);
  expect(refused).toThrow(message);
  expect(refused).toThrow(expect.objectContaining({ code, kind: "user" }) as Error);
});
