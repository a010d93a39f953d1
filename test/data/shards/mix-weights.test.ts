/** Weights on a mix like the real one: eleven categories in two languages, documents as unequal in length as web pages. */
import { expect, onTestFinished, test } from "vitest";
import { createRandom } from "../../../src/data/random.ts";
import { mixShards } from "../../../src/data/shards/mix-shards.ts";
import { openShards } from "../../../src/data/shards/open-shards.ts";
import { packTokens } from "../../../src/data/shards/shard-format.ts";
import { createShardWriter } from "../../../src/data/shards/write-shards.ts";
import { temporaryFolder, tokenizerDigest } from "./corpus.ts";

const weights = {
  news_media: 25,
  literature_emotion: 20,
  subject_education_education: 20,
  film_entertainment: 10,
  sports: 8,
  game: 7,
  current_affairs_government_administration: 5,
  tourism_geography: 5,
  computer_programming_code: 0,
  biomedicine: 0,
  mathematics_statistics: 0,
};
const languages = ["en", "zh"] as const;

/** 88,000 documents, sorted by category as corpora are; lengths log-normal, median 60 tokens, mean 77. */
async function writeTokenized(folder: string): Promise<void> {
  const random = createRandom("weights");
  const writer = await createShardWriter(folder, { tokenizerDigest, vocabSize: 800, shardTokens: 10 ** 6 });
  const ids = new Uint32Array(20_000).map((_, at) => at % 800);
  const strata = languages.flatMap((language) =>
    Object.keys(weights).map((category) => ({ source: "generated", language, category })),
  );
  for (const stratum of strata)
    for (let document = 0; document < 88_000 / strata.length; document++) {
      const length = Math.min(ids.length, Math.ceil(60 * Math.exp(0.7 * random.nextGaussian())));
      await writer.append({
        split: "documents",
        stratum,
        tokens: packTokens(ids.subarray(0, length), 2),
        bytes: 4 * length,
        hash: [random.nextUint32(), random.nextUint32()],
      });
    }
  await writer.close();
}

test("each category has its share of the training tokens within 1 %, and those of weight 0 have none", async () => {
  const tokenizedFolder = temporaryFolder();
  await writeTokenized(tokenizedFolder);
  const tokenized = await openShards(tokenizedFolder);
  onTestFinished(() => tokenized.close());
  const folder = temporaryFolder();
  const rules = languages.flatMap((language) =>
    Object.entries(weights).map(([category, weight]) => ({ language, category, weight })),
  );
  await mixShards(tokenized, folder, {
    rules,
    seed: 1,
    validationFraction: 0.01,
    shardTokens: 10 ** 6,
    endOfText: 0,
    memoryBytes: 2 ** 18,
  });
  const shards = await openShards(folder);
  onTestFinished(() => shards.close());
  // From the documents as they stand on disk, not from what the mix says of itself.
  const tokens = new Map<string, number>();
  for await (const { entries } of shards.split("train").documentBlocks())
    for (let at = 0; at < entries.length; at += 5) {
      const { language = "", category = "" } = shards.manifest.strata[entries[at + 4] ?? -1] ?? {};
      const name = `${language}/${category}`;
      tokens.set(name, (tokens.get(name) ?? 0) + (entries[at] ?? NaN));
    }
  const total = [...tokens.values()].reduce((sum, count) => sum + count, 0);
  expect(total).toBe(shards.manifest.splits["train"]?.totals.tokens);
  expect(total).toBeGreaterThan(2_000_000);
  for (const { language, category, weight } of rules) {
    const share = (tokens.get(`${language}/${category}`) ?? 0) / total;
    if (weight === 0) expect(share).toBe(0);
    else expect(Math.abs(share / (weight / 200) - 1)).toBeLessThan(0.01);
  }
});
