import fc from "fast-check";
import { expect, test } from "vitest";
import {
  checkLossGuard,
  emptyWindow,
  extendWindow,
  judge,
  zScore,
  type GuardWindow,
} from "../../src/train/loss-guard.ts";

const thresholds = { window: 4, lossZScore: 3 };
/** Mean 2 and standard deviation 1 of losses; mean 1 and standard deviation 0.5 of norms. */
const full: GuardWindow = { losses: [1, 3, 1, 3], gradientNorms: [0.5, 1.5, 0.5, 1.5] };

test.each([
  [{ loss: 5, gradientNorm: 1 }, undefined],
  [{ loss: 5.5, gradientNorm: 1 }, "loss 5.5, 3.5 standard deviations above the last 4 steps (allowed: 3)"],
  [{ loss: -90, gradientNorm: 1 }, undefined],
  [{ loss: 2, gradientNorm: 90 }, undefined],
  [{ loss: NaN, gradientNorm: 1 }, "loss NaN and gradient norm 1"],
  [{ loss: 2, gradientNorm: Infinity }, "loss 2 and gradient norm Infinity"],
])("%j is judged: %s", (measured, spike) => {
  expect(judge(measured, full, thresholds)).toBe(spike);
});

test("gradient norms are judged where a threshold is given", () => {
  const both = { ...thresholds, gradientNormZScore: 2 };
  expect(judge({ loss: 2, gradientNorm: 2.5 }, full, both)).toBe(
    "gradient norm 2.5, 3.0 standard deviations above the last 4 steps (allowed: 2)",
  );
  expect(judge({ loss: 2, gradientNorm: 2 }, full, both)).toBeUndefined();
});

test("before the window is full, and without thresholds, only what is not finite is refused", () => {
  const three = { losses: full.losses.slice(1), gradientNorms: full.gradientNorms.slice(1) };
  expect(judge({ loss: 1e9, gradientNorm: 1 }, three, thresholds)).toBeUndefined();
  expect(judge({ loss: 1e9, gradientNorm: 1 }, full, undefined)).toBeUndefined();
  expect(judge({ loss: NaN, gradientNorm: 1 }, emptyWindow, undefined)).toBeDefined();
});

test("values that are all alike judge nothing", () => {
  expect(zScore(7, [2, 2, 2])).toBe(0);
});

test("a z-score does not change when all values are moved and stretched", () => {
  const values = fc.array(fc.integer({ min: -50, max: 50 }), { minLength: 2, maxLength: 20 });
  fc.assert(
    fc.property(values, fc.integer({ min: -99, max: 99 }), fc.nat(9), (window, value, by) => {
      const stretched = (x: number) => 3 * x + by;
      const expected = zScore(value, window);
      expect(zScore(stretched(value), window.map(stretched))).toBeCloseTo(expected, 8);
    }),
  );
});

test("the window holds the newest steps", () => {
  let window = emptyWindow;
  for (const loss of [1, 2, 3, 4, 5]) window = extendWindow(window, { loss, gradientNorm: -loss }, 3);
  expect(window).toEqual({ losses: [3, 4, 5], gradientNorms: [-3, -4, -5] });
});

const rollback = {
  action: "rollback",
  window: 4,
  lossZScore: 3,
  rollbackEverySteps: 2,
  rewindSteps: 1,
  skipSteps: 1,
  maxRollbacks: 1,
} as const;

test.each([
  ["window", 1, "a whole number, at least 2"],
  ["lossZScore", 0, "above 0"],
  ["gradientNormZScore", -1, "above 0"],
  ["rollbackEverySteps", 0, "a whole number, at least 1"],
  ["rewindSteps", 0.5, "a whole number, at least 1"],
  ["skipSteps", 0, "a whole number, at least 1"],
  ["maxRollbacks", 0, "a whole number, at least 1"],
])("lossGuard.%s of %d is refused", (field, value, rule) => {
  expect(() => {
    checkLossGuard({ ...rollback, [field]: value });
  }).toThrow(
    expect.objectContaining({
      code: "TRAINING_INVALID",
      message: `lossGuard.${field} is ${value}`,
      hint: `It must be ${rule}.`,
    }),
  );
  checkLossGuard(rollback);
});
