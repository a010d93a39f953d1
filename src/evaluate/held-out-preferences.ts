/** DPO's figures on pairs that were not trained on, from policy and reference on disk, one in memory at a time. */
import type { PairBatch, PairBatchSource } from "../data/batch.ts";
import type { Engine } from "../engine/engine.ts";
import { loadLlama } from "../model/llama-files.ts";
import { take } from "../std/take.ts";
import { preferenceScores, type PairLogProbabilities, type PreferenceScores } from "./preference-scores.ts";
import { createScoringModel } from "./scoring-model.ts";

export interface HeldOutPairs extends PairBatchSource {
  readonly pairCount: number;
}

/** `models`: folders with config.json and model.safetensors. */
export async function heldOutPreferences(
  engine: Engine,
  models: { readonly policy: string; readonly reference: string },
  source: HeldOutPairs,
  beta: number,
): Promise<PreferenceScores> {
  const start = source.cursor();
  const policy = await pairLogProbabilities(engine, models.policy, source);
  source.seek(start);
  const reference = await pairLogProbabilities(engine, models.reference, source);
  return preferenceScores(policy, reference, beta);
}

/** A batch for each device at a time: which of them scores a batch shows in no figure, as long as they compute alike. */
async function pairLogProbabilities(
  engine: Engine,
  directory: string,
  source: HeldOutPairs,
): Promise<PairLogProbabilities> {
  const sums = {
    chosen: new Float64Array(source.pairCount),
    rejected: new Float64Array(source.pairCount),
  };
  const epoch = oneEpoch(source);
  const [first] = await take(epoch, 1);
  if (first === undefined) return sums;
  await using files = await loadLlama(directory);
  await using model = await createScoringModel(engine, files, first);
  const { devices } = model;
  for (
    let batches = [first, ...(await take(epoch, devices - 1))];
    batches.length > 0;
    batches = await take(epoch, devices)
  )
    for (const side of ["chosen", "rejected"] as const) {
      const losses = await model.tokenLosses(batches.map((batch) => batch[side]));
      for (const [at, { indices, sequenceLength }] of batches.entries())
        indices.forEach((pair, row) => (sums[side][pair] = -rowSum(losses[at], row, sequenceLength)));
    }
  return sums;
}

/** The last batch may run into the next epoch, where known pairs are computed once more. */
async function* oneEpoch(source: HeldOutPairs): AsyncGenerator<PairBatch> {
  for (let seen = 0; seen < source.pairCount;) {
    const batch = await source.next();
    seen += batch.batchSize;
    yield batch;
  }
}

/** Of a row of (B, T). */
function rowSum(losses: Float32Array | undefined, row: number, sequenceLength: number): number {
  let sum = 0;
  for (let at = row * sequenceLength; at < (row + 1) * sequenceLength; at++) sum += losses?.[at] ?? NaN;
  return sum;
}
