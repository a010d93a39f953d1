import { expect, test } from "vitest";
import { scoreText, type TextScore } from "../../src/evaluate/bits-per-byte.ts";
import { createInferenceModel } from "../../src/evaluate/inference-model.ts";
import type { TokenShards } from "../../src/data/shards/open-shards.ts";
import { openMixedShards } from "../data/loader/mixed-shards.ts";
import { encoder, endOfText } from "../data/shards/corpus.ts";
import { openExecutor } from "../model/executors.ts";
import { frequencyModel } from "./frequency-model.ts";

const { vocabSize, tokenByteCounts } = encoder;

async function score(
  shards: TokenShards,
  probabilities: ArrayLike<number>,
): Promise<ReadonlyMap<string, TextScore>> {
  const engine = await openExecutor("wasm");
  const files = frequencyModel(probabilities);
  await using model = await createInferenceModel(engine, files, { batchSize: 4, sequenceLength: 32 });
  const options = { shards, split: "validation", trainSplit: "train", tokenByteCounts, endOfText };
  return new Map((await scoreText(model, options)).map((result) => [result.group, result]));
}

async function tokensOf(shards: TokenShards, name: string): Promise<Int32Array> {
  const split = shards.split(name);
  const tokens = new Int32Array(split.totals.tokens);
  await split.read(0, tokens.length, tokens);
  return tokens;
}

test("a model that knows nothing needs log₂ V bits a token, spread over the text's bytes", async () => {
  const shards = await openMixedShards();
  const scores = await score(shards, new Float64Array(vocabSize).fill(1 / vocabSize));
  expect([...scores.keys()].sort()).toEqual(["all", "en", "zh"]);
  for (const { tokens, bytes, loss, perplexity, bitsPerByte } of scores.values()) {
    expect(loss).toBeCloseTo(Math.log(vocabSize), 4);
    expect(perplexity / vocabSize).toBeCloseTo(1, 4);
    expect(bitsPerByte).toBeCloseTo((tokens * Math.log2(vocabSize)) / bytes, 4);
  }
});

test("bytes are those of the held-out text, and tokens those that stand for text, in sum and by language", async () => {
  const shards = await openMixedShards();
  const scores = await score(shards, new Float64Array(vocabSize).fill(1 / vocabSize));
  const tokens = await tokensOf(shards, "validation");
  const documents = encoder.decode(tokens).split("<|endoftext|>");
  const bytesOf = (wanted: (text: string) => boolean) =>
    documents.filter(wanted).reduce((sum, text) => sum + Buffer.byteLength(text), 0);
  const isChinese = (text: string) => /[\u4e00-\u9fff]/.test(text);
  expect(scores.get("zh")?.bytes).toBe(bytesOf(isChinese));
  expect(scores.get("en")?.bytes).toBe(bytesOf((text) => !isChinese(text)));
  expect(scores.get("all")?.bytes).toBe(bytesOf(() => true));
  expect(scores.get("all")?.tokens).toBe(tokens.filter((token) => token !== endOfText).length);
});

test("a model of the training split's frequencies scores exactly the unigram baseline", async () => {
  const shards = await openMixedShards();
  const counts = new Float64Array(vocabSize).fill(1); // add-one smoothing
  let total = vocabSize;
  for (const token of await tokensOf(shards, "train")) {
    if (token === endOfText) continue;
    counts[token] = (counts[token] ?? 0) + 1;
    total++;
  }
  const scores = await score(
    shards,
    counts.map((count) => count / total),
  );
  for (const { group, bitsPerByte, unigramBitsPerByte, tokens, bytes } of scores.values()) {
    expect(bitsPerByte, group).toBeCloseTo(unigramBitsPerByte, 4);
    expect(unigramBitsPerByte).toBeLessThan((tokens * Math.log2(vocabSize)) / bytes);
  }
});
