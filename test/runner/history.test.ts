/** What a session answers about runs that were, in a real small project. */
import { afterAll, beforeAll, expect, test } from "vitest";
import type { RunSummary } from "../../src/runner/session-types.ts";
import { Project } from "./project.ts";

const project = new Project();
afterAll(() => project.remove());

let first: RunSummary;
let second: RunSummary;
let failed: RunSummary;
beforeAll(async () => {
  first = await project.run();
  second = await project.run(["count"], {}, { set: ["words.count=4"] });
  failed = await project.run(["side"], {}, { set: ["side.mode=throw"] });
});

test("runs are remembered, newest first, the failed one too", async () => {
  await project.with(({ history }) => {
    expect(history.runs().map(({ runId }) => runId)).toEqual([failed.runId, second.runId, first.runId]);
    expect(history.runs({ limit: 1 })).toMatchObject([{ status: "failed", targets: ["side"] }]);
    return Promise.resolve();
  });
});

test("two runs are compared by what each stage had in them", async () => {
  const { stages } = await project.with(({ history }) =>
    Promise.resolve(history.compare("latest~2", second.runId)),
  );
  expect(stages.map(({ stage, verdict }) => [stage, verdict])).toEqual([
    ["words", "changed"],
    ["count", "changed"],
    ["report", "only-old"],
    ["side", "only-old"],
  ]);
  expect(stages[0]).toMatchObject({
    differences: [{ code: "param-changed", field: "count", old: 3, new: 4 }],
    metrics: [{ path: "number", old: 9, new: 12, difference: 3 }],
  });
  expect(stages[1]?.differences).toMatchObject([{ code: "input-changed", field: "words" }]);
});

test("metrics tell executions of a stage apart, and the newest runs alone on request", async () => {
  await project.with(({ history }) => {
    const [words] = history.metrics(["words"]);
    expect(words?.columns.map(({ key }) => key)).toEqual(["count", "number"]);
    expect(words?.rows.map(({ runId, values }) => [runId, values["number"]])).toEqual([
      [second.runId, 12],
      [first.runId, 9],
    ]);
    expect(history.metrics([], { runs: 2 }).map(({ stage, rows }) => [stage, rows.length])).toEqual([
      ["words", 1],
      ["count", 1],
    ]);
    expect(() => history.metrics(["wrods"])).toThrow(
      expect.objectContaining({ code: "STAGE_UNKNOWN", hint: "did you mean words?" }) as Error,
    );
    return Promise.resolve();
  });
});

test("the recipe is a value of the session: overrides and defaults applied", async () => {
  const recipe = await project.with((session) => Promise.resolve(session.recipe), { set: ["count.steps=7"] });
  expect(recipe).toMatchObject({
    words: { count: 3, parity: false },
    count: { steps: 7, schedule: { rate: 1 } },
  });
});
