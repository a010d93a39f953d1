/**
 * Multiple choice by likelihood: the model's pick is the choice with the largest log-probability after the
 * prompt. `accuracy` compares sums, `accuracyNorm` sums divided by the choice's length in characters, as
 * EleutherAI's lm-evaluation-harness defines acc and acc_norm.
 */
import type { InferenceModel } from "./inference-model.ts";
import { sequenceLogProbabilities, type MarkedSequence } from "./sequence-scores.ts";

export interface EncodedQuestion {
  /** Prompt and choice as one sequence; the mask marks the choice's tokens. */
  readonly choices: readonly (MarkedSequence & { readonly characters: number })[];
  /** Index of the true choice. */
  readonly answer: number;
}

export interface ChoiceScores {
  readonly accuracy: number;
  readonly accuracyNorm: number;
  /** Accuracy of a blind guess. */
  readonly chance: number;
  readonly questions: number;
}

export async function multipleChoice(
  model: InferenceModel,
  questions: readonly EncodedQuestion[],
): Promise<ChoiceScores> {
  const scores = await sequenceLogProbabilities(
    model,
    questions.flatMap(({ choices }) => choices),
  );
  let [right, rightNorm, chance, next] = [0, 0, 0, 0];
  for (const { choices, answer } of questions) {
    const sums = choices.map((_, index) => scores[next + index] ?? -Infinity);
    const perCharacter = sums.map((sum, index) => sum / Math.max(1, choices[index]?.characters ?? 1));
    right += Number(indexOfLargest(sums) === answer);
    rightNorm += Number(indexOfLargest(perCharacter) === answer);
    chance += 1 / choices.length;
    next += choices.length;
  }
  const count = questions.length;
  return {
    accuracy: right / count,
    accuracyNorm: rightNorm / count,
    chance: chance / count,
    questions: count,
  };
}

const indexOfLargest = (values: readonly number[]): number => values.indexOf(Math.max(...values));
