import { expect, test } from "vitest";
import { predict, type PastExecution } from "../../src/runner/predict.ts";

/** On the given day of January. */
const past = (day: number, durationMs: number, rest: Partial<PastExecution> = {}): PastExecution => ({
  stageName: "train",
  startedAt: new Date(Date.UTC(2026, 0, day)).toISOString(),
  durationMs,
  sizeBytes: durationMs * 10,
  ...rest,
});

test("without a past there is no prediction", () => {
  expect(predict("train", [])).toBeUndefined();
  expect(predict("train", [past(1, 100, { stageName: "other" })])).toBeUndefined();
});

test("the median of what there is, so that one outlier says nothing", () => {
  expect(predict("train", [past(1, 100), past(2, 90), past(3, 9000)])).toEqual({
    durationMs: 100,
    sizeBytes: 1000,
    executions: 3,
  });
  expect(predict("train", [past(1, 100), past(2, 200)])).toMatchObject({ durationMs: 150 });
});

test("only the five newest count, in whatever order they come", () => {
  const old = [past(1, 1), past(2, 1), past(3, 1)];
  const recent = [past(10, 50), past(12, 50), past(11, 50), past(14, 50), past(13, 50)];
  expect(predict("train", [...old, ...recent])).toMatchObject({ durationMs: 50, executions: 5 });
});

test("of a resume what remains counts; the disk is needed whole", () => {
  expect(predict("train", [past(1, 1000)], { step: 300, total: 400 })).toMatchObject({
    durationMs: 250,
    sizeBytes: 10_000,
  });
  expect(predict("train", [past(1, 1000)], { step: 300 })).toMatchObject({ durationMs: 1000 });
  expect(predict("train", [past(1, 1000)], { step: 500, total: 400 })).toMatchObject({ durationMs: 0 });
});
