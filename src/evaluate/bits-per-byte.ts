/**
 * How well a model predicts held-out text, in bits per byte of UTF-8: comparable across tokenizers, because bytes do
 * not depend on them. Beside it the unigram model of the same tokenizer, which knows frequencies and no context.
 */
import { evaluationWindows, type EvaluationOptions } from "../data/loader/evaluation-windows.ts";
import type { TokenShards } from "../data/shards/open-shards.ts";
import type { InferenceModel } from "./inference-model.ts";
import { unigramBitsPerByte } from "./unigram.ts";

export interface TextScore {
  /** The language, or `all`. */
  readonly group: string;
  readonly tokens: number;
  readonly bytes: number;
  /** Mean −log p per token, nats. */
  readonly loss: number;
  readonly perplexity: number;
  readonly bitsPerByte: number;
  readonly unigramBitsPerByte: number;
}

export interface TextScoreOptions {
  readonly shards: TokenShards;
  /** The split that is scored. */
  readonly split: string;
  /** The split whose frequencies make the unigram baseline. */
  readonly trainSplit: string;
  /** (V) bytes of each token; 0 for special ones. */
  readonly tokenByteCounts: Uint32Array;
  readonly endOfText: number;
  readonly signal?: AbortSignal;
  readonly onProgress?: (tokens: number) => void;
}

interface Sums {
  nats: number;
  tokens: number;
  bytes: number;
  readonly counts: Float64Array;
}

/** One score a language, then one of `all`. The model's batch shape is used. */
export async function scoreText(
  model: InferenceModel,
  options: TextScoreOptions,
): Promise<readonly TextScore[]> {
  const { shards, tokenByteCounts, signal, onProgress } = options;
  const { batchSize, sequenceLength } = model;
  const vocabSize = tokenByteCounts.length;
  const groups = new Map<string, Sums>();
  const windows: EvaluationOptions = { ...options, batchSize, sequenceLength };
  let done = 0;
  for await (const { batch, rows } of evaluationWindows(shards, windows)) {
    signal?.throwIfAborted();
    const losses = await model.tokenLosses(batch);
    for (const [row, { group, tokens, bytes }] of rows.entries()) {
      const sums = groups.get(group) ?? { nats: 0, tokens: 0, bytes: 0, counts: new Float64Array(vocabSize) };
      groups.set(group, sums);
      sums.tokens += tokens;
      sums.bytes += bytes;
      done += tokens;
      for (let index = row * sequenceLength; index < (row + 1) * sequenceLength; index++) {
        if (batch.lossMask[index] !== 1) continue;
        sums.nats += losses[index] ?? NaN;
        const target = batch.targets[index] ?? 0;
        sums.counts[target] = (sums.counts[target] ?? 0) + 1;
      }
    }
    onProgress?.(done);
  }
  const trained = await countTokens(shards, options.trainSplit, tokenByteCounts);
  const scores = [...groups].map(([group, sums]) => textScore(group, sums, trained));
  return [...scores, textScore("all", total([...groups.values()], vocabSize), trained)];
}

function textScore(group: string, { nats, tokens, bytes, counts }: Sums, trained: Float64Array): TextScore {
  const loss = nats / tokens;
  return {
    group,
    tokens,
    bytes,
    loss,
    perplexity: Math.exp(loss),
    bitsPerByte: nats / Math.LN2 / bytes,
    unigramBitsPerByte: unigramBitsPerByte(trained, counts, bytes),
  };
}

function total(groups: readonly Sums[], vocabSize: number): Sums {
  const all: Sums = { nats: 0, tokens: 0, bytes: 0, counts: new Float64Array(vocabSize) };
  for (const { nats, tokens, bytes, counts } of groups) {
    all.nats += nats;
    all.tokens += tokens;
    all.bytes += bytes;
    counts.forEach((count, token) => (all.counts[token] = (all.counts[token] ?? 0) + count));
  }
  return all;
}

const tokensAtOnce = 1 << 20;

/** Occurrences of each token that stands for text, (V). */
async function countTokens(
  shards: TokenShards,
  splitName: string,
  byteCounts: Uint32Array,
): Promise<Float64Array> {
  const split = shards.split(splitName);
  const counts = new Float64Array(byteCounts.length);
  const buffer = new Int32Array(tokensAtOnce);
  for (let start = 0; start < split.totals.tokens; start += tokensAtOnce) {
    const count = Math.min(tokensAtOnce, split.totals.tokens - start);
    await split.read(start, count, buffer);
    for (let index = 0; index < count; index++) {
      const token = buffer[index] ?? 0;
      if ((byteCounts[token] ?? 0) > 0) counts[token] = (counts[token] ?? 0) + 1;
    }
  }
  return counts;
}
