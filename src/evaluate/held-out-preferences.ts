/** DPO's figures on pairs that were not trained on, from policy and reference on disk, one in memory at a time. */
import type { Batch, PairBatchSource } from "../data/batch.ts";
import type { Engine } from "../engine/engine.ts";
import { loadLlama } from "../model/llama-files.ts";
import { createInferenceModel, type InferenceModel } from "./inference-model.ts";
import { preferenceScores, type PairLogProbabilities, type PreferenceScores } from "./preference-scores.ts";

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

/** Reads one epoch; the last batch may run into the next, where known pairs are computed once more. */
async function pairLogProbabilities(
  engine: Engine,
  directory: string,
  source: HeldOutPairs,
): Promise<PairLogProbabilities> {
  const { pairCount } = source;
  const first = await source.next();
  const { batchSize, sequenceLength } = first;
  await using files = await loadLlama(directory);
  await using model = await createInferenceModel(engine, files, { batchSize, sequenceLength });
  const sums = { chosen: new Float64Array(pairCount), rejected: new Float64Array(pairCount) };
  for (let seen = 0, batch = first; seen < pairCount; seen += batchSize, batch = await source.next()) {
    for (const side of ["chosen", "rejected"] as const) {
      const rows = await rowSums(model, batch[side]);
      batch.indices.forEach((pair, row) => (sums[side][pair] = -(rows[row] ?? NaN)));
    }
  }
  return sums;
}

async function rowSums(model: InferenceModel, batch: Batch): Promise<Float64Array> {
  const losses = await model.tokenLosses(batch);
  const sums = new Float64Array(batch.batchSize);
  losses.forEach((loss, index) => {
    const row = Math.floor(index / batch.sequenceLength);
    sums[row] = (sums[row] ?? 0) + loss;
  });
  return sums;
}
