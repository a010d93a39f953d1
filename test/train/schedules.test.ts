import { expect, test } from "vitest";
import {
  checkSchedule,
  learningRateAt,
  type Schedule,
  lastExtendableStep,
  sharedSteps,
} from "../../src/train/schedules.ts";

/** SmolLM2-135M's pretraining: peak 3e-3, 2,000 steps up, flat to 1,600,000, down to 0 at 2,000,000. */
const smollm2: Schedule = {
  kind: "warmupStableDecay",
  peak: 3e-3,
  warmupSteps: 2000,
  totalSteps: 2_000_000,
  decaySteps: 400_000,
  decay: "linear",
};
/** SmolLM-135M: 5,000 steps up, 1 − √x down over the last 100,000 of 600,000. */
const smollm: Schedule = {
  ...smollm2,
  warmupSteps: 5000,
  totalSteps: 600_000,
  decaySteps: 100_000,
  decay: "oneMinusSqrt",
};
/** Smol-SmolTalk: 1e-3, a tenth of warmup, cosine to 0. */
const sft: Schedule = { kind: "cosine", peak: 1e-3, warmupSteps: 100, totalSteps: 1000 };

test.each<[string, Schedule, readonly (readonly [number, number])[]]>([
  [
    "SmolLM2's schedule",
    smollm2,
    [
      [1, 1.5e-6],
      [1000, 1.5e-3],
      [2000, 3e-3],
      [2001, 3e-3],
      [1_600_000, 3e-3],
      [1_600_001, 3e-3 * (1 - 1 / 400_000)],
      [1_800_000, 1.5e-3],
      [1_999_999, 3e-3 / 400_000],
      [2_000_000, 0],
    ],
  ],
  [
    "SmolLM's schedule",
    smollm,
    [
      [1, 6e-7],
      [5000, 3e-3],
      [500_000, 3e-3],
      [525_000, 1.5e-3],
      [581_000, 3e-4],
      [600_000, 0],
    ],
  ],
  [
    "a cosine",
    sft,
    [
      [1, 1e-5],
      [100, 1e-3],
      [550, 5e-4],
      [400, 7.5e-4],
      [1000, 0],
    ],
  ],
  [
    "a cosine with a floor",
    { ...sft, final: 1e-4 },
    [
      [100, 1e-3],
      [550, 5.5e-4],
      [1000, 1e-4],
    ],
  ],
  [
    "no warmup",
    { ...sft, warmupSteps: 0 },
    [
      [1, (1e-3 * (1 + Math.cos(Math.PI / 1000))) / 2],
      [1000, 0],
    ],
  ],
  [
    "a constant",
    { kind: "constant", peak: 2e-4, warmupSteps: 4 },
    [
      [1, 5e-5],
      [4, 2e-4],
      [1_000_000, 2e-4],
    ],
  ],
])("%s has its values at the boundaries", (_name, schedule, values) => {
  checkSchedule(schedule);
  for (const [step, rate] of values)
    expect(learningRateAt(schedule, step), `step ${step}`).toBeCloseTo(rate, 12);
});

test("the rate is never negative and never above the peak", () => {
  for (const schedule of [smollm2, smollm, sft])
    for (let step = 1; step < 2_100_000; step += 977) {
      const rate = learningRateAt(schedule, step);
      expect(rate >= 0 && rate <= schedule.peak).toBe(true);
    }
});

test("runs of different lengths share the steps before the first rate that differs", () => {
  const stable = (totalSteps: number, warmupSteps = 10) =>
    ({
      totalSteps,
      schedule: {
        kind: "warmupStableDecay",
        peak: 1,
        warmupSteps,
        totalSteps,
        decaySteps: 20,
        decay: "linear",
      },
    }) as const;
  expect(sharedSteps(stable(100), stable(200))).toBe(80);
  expect(lastExtendableStep(stable(100).schedule, 100)).toBe(80);
  expect(sharedSteps(stable(200), stable(100))).toBe(80);
  expect(sharedSteps(stable(100), stable(100))).toBe(100);
  expect(sharedSteps(stable(100), stable(200, 20))).toBe(0);
  const constant = { kind: "constant", peak: 1, warmupSteps: 10 } as const;
  expect(sharedSteps({ schedule: constant, totalSteps: 50 }, { schedule: constant, totalSteps: 70 })).toBe(
    50,
  );
  expect(lastExtendableStep(constant, 50)).toBe(50);
  const cosine = (totalSteps: number) =>
    ({ totalSteps, schedule: { kind: "cosine", peak: 1, warmupSteps: 10, totalSteps } }) as const;
  expect(sharedSteps(cosine(50), cosine(70))).toBe(10);
  expect(lastExtendableStep(cosine(50).schedule, 50)).toBeUndefined();
});

test.each<[Schedule, string]>([
  [{ ...sft, peak: 0 }, "peak is 0"],
  [{ ...sft, warmupSteps: -1 }, "warmupSteps is -1"],
  [{ ...sft, totalSteps: 50 }, "exceed the 50 in all"],
  [{ ...sft, final: 1 }, "final is 1"],
  [{ ...smollm, decaySteps: 596_000 }, "exceed the 600000 in all"],
])("%j is refused", (schedule, message) => {
  expect(() => checkSchedule(schedule)).toThrow(message);
});
