/** Log-probabilities of marked tokens of many sequences, in batches of the model's shape. */
import type { InferenceModel } from "./inference-model.ts";

export interface MarkedSequence {
  readonly ids: ArrayLike<number>;
  /** 1 on the tokens to score; the first token has nothing before it and is never scored. */
  readonly mask: ArrayLike<number>;
}

/**
 * Σ log p(token) in nats over the marked tokens of each sequence. Of a sequence longer than the model's
 * sequenceLength + 1 tokens the last ones are read. Independent of how sequences fall into batches.
 */
export async function sequenceLogProbabilities(
  model: InferenceModel,
  sequences: readonly MarkedSequence[],
): Promise<Float64Array> {
  const { batchSize, sequenceLength: length } = model;
  const scores = new Float64Array(sequences.length);
  for (let start = 0; start < sequences.length; start += batchSize) {
    const rows = sequences.slice(start, start + batchSize);
    const inputs = new Int32Array(batchSize * length);
    const targets = new Int32Array(batchSize * length);
    const lossMask = new Float32Array(batchSize * length);
    for (const [row, { ids, mask }] of rows.entries()) {
      const skipped = Math.max(0, ids.length - length - 1);
      for (let index = skipped + 1; index < ids.length; index++) {
        const at = row * length + index - skipped - 1;
        inputs[at] = ids[index - 1] ?? 0;
        targets[at] = ids[index] ?? 0;
        lossMask[at] = mask[index] ?? 0;
      }
    }
    const losses = await model.tokenLosses({ inputs, targets, lossMask });
    for (const row of rows.keys()) {
      let sum = 0;
      for (let index = row * length; index < (row + 1) * length; index++) sum += losses[index] ?? 0;
      scores[start + row] = -sum;
    }
  }
  return scores;
}
