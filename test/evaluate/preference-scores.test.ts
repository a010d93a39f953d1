import { expect, test } from "vitest";
import { preferenceScores } from "../../src/evaluate/preference-scores.ts";
import { golden } from "../model/golden-llama.ts";

test("scores of the golden pairs are those of torch", () => {
  const { dpo } = golden;
  const scores = preferenceScores(
    { chosen: dpo.policy_chosen_logps, rejected: dpo.policy_rejected_logps },
    { chosen: dpo.reference_chosen_logps, rejected: dpo.reference_rejected_logps },
    dpo.beta,
  );
  expect(Math.abs(scores.loss - dpo.loss)).toBeLessThan(1e-4);
  expect(scores.rewardAccuracy).toBeCloseTo(dpo.accuracy, 6);
  expect(scores.rewardChosen).toBeCloseTo(mean(dpo.rewards_chosen), 4);
  expect(scores.rewardRejected).toBeCloseTo(mean(dpo.rewards_rejected), 4);
});

test("a policy equal to its reference has a loss of ln 2 and prefers nothing", () => {
  const same = { chosen: [-3, -400], rejected: [-8, -1] };
  const scores = preferenceScores(same, same, 0.5);
  expect(scores.loss).toBeCloseTo(Math.LN2, 12);
  expect(scores.rewardAccuracy).toBe(0);
});

test("margins far from zero neither overflow nor vanish", () => {
  const zero = { chosen: [0, 0], rejected: [0, 0] };
  expect(preferenceScores({ chosen: [-1e5, -1e5], rejected: [0, 0] }, zero, 1).loss).toBeCloseTo(1e5, 3);
  expect(preferenceScores({ chosen: [0, 0], rejected: [-1e5, -1e5] }, zero, 1).loss).toBe(0);
});

const mean = (values: readonly number[]): number =>
  values.reduce((sum, value) => sum + value, 0) / values.length;
