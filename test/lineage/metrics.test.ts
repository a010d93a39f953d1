import { expect, test } from "vitest";
import { tabulate, type Served } from "../../src/lineage/metrics.ts";
import type { JsonObject } from "../../src/std/json.ts";
import { execution, output } from "./execution-record.ts";

let second = 0;
const served = (stage: string, params: JsonObject, summary: JsonObject): Served => {
  const startedAt = `2026-01-01T00:00:${String(second++).padStart(2, "0")}.000Z`;
  const fingerprint = `${stage} ${startedAt}`;
  return {
    stage,
    execution: execution({ fingerprint, startedAt, params, outputs: { model: output("d", summary) } }),
  };
};

test("only params that differ are columns; figures always are; the newest row stands first", () => {
  const [table] = tabulate([
    served("train", { seed: 1, schedule: { peak: 0.1, kind: "cosine" } }, { loss: 3, scores: { en: 1 } }),
    served(
      "train",
      { seed: 1, schedule: { peak: 0.2, kind: "cosine" } },
      { loss: 2, note: "text", history: [3, 2] },
    ),
  ]);
  expect(table?.columns).toEqual([
    { key: "schedule.peak", kind: "param" },
    { key: "loss", kind: "metric" },
    { key: "scores.en", kind: "metric" },
  ]);
  expect(table?.rows.map(({ values }) => values)).toEqual([
    { "schedule.peak": 0.2, loss: 2 },
    { "schedule.peak": 0.1, loss: 3, "scores.en": 1 },
  ]);
});

test("variants of a matrix stand side by side, with a column for each axis and none that repeats it", () => {
  const rows = [0.001, 0.01].map((rate) =>
    served(
      `pretrain@learningRate=${rate},seed=1`,
      { optimizer: { learningRate: rate }, seed: 1 },
      { loss: rate },
    ),
  );
  const [table, ...others] = tabulate(rows);
  expect(others).toEqual([]);
  expect(table?.stage).toBe("pretrain");
  expect(table?.columns).toEqual([
    { key: "learningRate", kind: "axis" },
    { key: "seed", kind: "axis" },
    { key: "loss", kind: "metric" },
  ]);
  expect(table?.rows.map(({ values }) => values)).toContainEqual({
    learningRate: 0.001,
    seed: 1,
    loss: 0.001,
  });
});

test("a figure named like a param keeps both apart", () => {
  const [table] = tabulate([
    served("count", { steps: 1 }, { steps: 10 }),
    served("count", { steps: 2 }, { steps: 20 }),
  ]);
  expect(table?.columns.map(({ key }) => key)).toEqual(["steps", "model.steps"]);
});

test("sorting by any column, either way, numbers by size; what has no value comes last both ways", () => {
  const rows = [served("s", {}, { loss: 9 }), served("s", {}, { loss: 10 }), served("s", {}, {})];
  const losses = (sort: string) => tabulate(rows, sort)[0]?.rows.map(({ values }) => values["loss"]);
  expect(losses("loss")).toEqual([9, 10, undefined]);
  expect(losses("-loss")).toEqual([10, 9, undefined]);
  expect(losses("when")).toEqual([9, 10, undefined]);
});

test("sorting by what is no column is the user's error and names the nearest", () => {
  expect(() => tabulate([served("s", {}, { loss: 1 })], "lsos")).toThrow(
    expect.objectContaining({ code: "METRIC_UNKNOWN", hint: "did you mean loss?" }) as Error,
  );
  expect(tabulate([], "loss")).toEqual([]);
});
