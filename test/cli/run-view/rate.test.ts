import { expect, test } from "vitest";
import { observeRate, timeLeftMs, unitsPerSecond, type Rate } from "../../../src/cli/run-view/rate.ts";

const steps = (done: number) => ({ done, total: 1000, unit: "steps" as const });

function observe(...reports: readonly (readonly [at: number, done: number])[]): Rate | undefined {
  return reports.reduce<Rate | undefined>(
    (rate, [at, done]) => observeRate(rate, steps(done), at),
    undefined,
  );
}

test("one report gives no rate, two give the rate between them", () => {
  expect(unitsPerSecond(observe([0, 500]))).toBeUndefined();
  expect(unitsPerSecond(observe([0, 500], [2000, 510]))).toBeCloseTo(5);
});

test("a steady rate is told exactly, whatever the rhythm of the reports", () => {
  expect(unitsPerSecond(observe([0, 0], [100, 1], [5000, 50], [5100, 51], [60_000, 600]))).toBeCloseTo(10);
});

test("after a change the new rate soon outweighs the old one", () => {
  const slow = Array.from({ length: 60 }, (_, second) => [second * 1000, second] as const);
  const fast = Array.from({ length: 30 }, (_, second) => [60_000 + second * 1000, 60 + second * 10] as const);
  expect(unitsPerSecond(observe(...slow))).toBeCloseTo(1);
  expect(unitsPerSecond(observe(...slow, ...fast))).toBeGreaterThan(8);
});

test("another phase starts a new rate", () => {
  const first = observe([0, 0], [1000, 900]);
  const second = observeRate(first, { ...steps(0), message: "second half" }, 2000);
  expect(unitsPerSecond(second)).toBeUndefined();
  expect(unitsPerSecond(observeRate(first, steps(10), 2000))).toBeUndefined();
});

test("the time left is what the rate says, less what has passed since", () => {
  const rate = observe([0, 0], [10_000, 100]);
  expect(timeLeftMs(rate, steps(100), 10_000)).toBeCloseTo(90_000);
  expect(timeLeftMs(rate, steps(100), 40_000)).toBeCloseTo(60_000);
  expect(timeLeftMs(rate, steps(100), 1e9)).toBe(0);
  expect(timeLeftMs(rate, { done: 100, unit: "steps" }, 10_000)).toBeUndefined();
  expect(timeLeftMs(undefined, steps(1), 0)).toBeUndefined();
});
