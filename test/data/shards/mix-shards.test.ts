import { readFileSync, readdirSync, statSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import type { DataDocument } from "../../../src/data/records.ts";
import { mixedBytes, mixingBytes } from "../../../src/data/shards/disk-need.ts";
import { mixShards, type MixShardsOptions } from "../../../src/data/shards/mix-shards.ts";
import { openShards } from "../../../src/data/shards/open-shards.ts";
import { tokenizeDocuments } from "../../../src/data/shards/tokenize-documents.ts";
import { documents, encoder, endOfText, temporaryFolder, tokenizerDigest } from "./corpus.ts";

const options: MixShardsOptions = { validationFraction: 0.1, seed: 1, shardTokens: 3000, endOfText };

const bytesBelow = (folder: string): number =>
  readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .reduce(
      (sum, entry) =>
        sum + (statSync(join(entry.parentPath, entry.name), { throwIfNoEntry: false })?.size ?? 0),
      0,
    );

async function mix(changed: Partial<MixShardsOptions> = {}, texts: readonly DataDocument[] = documents) {
  const tokenizedFolder = temporaryFolder();
  await tokenizeDocuments(texts, encoder, tokenizedFolder, { tokenizerDigest, shardTokens: 2000 });
  const tokenized = await openShards(tokenizedFolder);
  onTestFinished(() => tokenized.close());
  const folder = temporaryFolder();
  const { shares } = await mixShards(tokenized, folder, { ...options, ...changed });
  const shards = await openShards(folder, { tokenizerDigest });
  onTestFinished(() => shards.close());
  const read = async (name: string): Promise<string[]> => {
    const split = shards.split(name);
    const ids = new Int32Array(split.totals.tokens);
    await split.read(0, ids.length, ids);
    const texts = encoder.decode(ids).split("<|endoftext|>");
    expect(texts.pop()).toBe("");
    return texts;
  };
  return {
    folder,
    shares,
    manifest: shards.manifest,
    train: await read("train"),
    validation: await read("validation"),
  };
}

test("without a mix every document is in exactly one split, each closed by an end of text", async () => {
  const { train, validation, manifest } = await mix();
  expect([...train, ...validation].sort()).toEqual(documents.map(({ text }) => text).sort());
  expect(validation.length / documents.length).toBeGreaterThan(0.06);
  expect(validation.length / documents.length).toBeLessThan(0.14);
  expect(manifest.splits["train"]?.totals.documents).toBe(train.length);
  expect(manifest.details["dropped"]).toEqual({ noRule: 0, weightZero: 0, overQuota: 0 });
});

test("content alone decides the split: not position, not seed, and equal texts stay together", async () => {
  const plain = await mix();
  const twice = [...documents].reverse().flatMap((document) => [document, { ...document, source: "copy" }]);
  const again = await mix({ seed: 2 }, twice);
  expect(new Set(again.validation)).toEqual(new Set(plain.validation));
  expect(again.train.filter((text) => plain.validation.includes(text))).toEqual([]);
});

test("a seed decides the order, and the same seed gives the same bytes", async () => {
  const [first, same, other] = [await mix(), await mix(), await mix({ seed: 2 })];
  for (const name of readdirSync(first.folder)) {
    expect(readFileSync(join(same.folder, name)).equals(readFileSync(join(first.folder, name)))).toBe(true);
  }
  expect(other.train).not.toEqual(first.train);
  expect([...other.train].sort()).toEqual([...first.train].sort());
});

test("weights share out the tokens, zero leaves a category out, and shares are reported", async () => {
  const rules = [
    { language: "zh", weight: 3 },
    { language: "en", category: "news", weight: 1 },
    { language: "en", category: "sports", weight: 0 },
  ];
  const { train, shares, manifest } = await mix({ rules, trainTokens: 4000 });
  const category = new Map(
    documents.map(({ text, language, category }) => [text, `${language}/${category}`]),
  );
  const tokens = (name: RegExp) =>
    train
      .filter((text) => name.test(category.get(text) ?? ""))
      .reduce((n, t) => n + encoder.encode(t).length + 1, 0);
  const longest = Math.max(...documents.map(({ text }) => encoder.encode(text).length + 1));
  expect(tokens(/sports/)).toBeGreaterThan(0); // Chinese sports
  expect(tokens(/en.sports/)).toBe(0);
  expect(tokens(/zh/) - 3000).toBeGreaterThanOrEqual(0);
  expect(tokens(/zh/) - 3000).toBeLessThan(longest);
  expect(tokens(/en.news/) - 1000).toBeLessThan(longest);
  expect(shares.map(({ asked, got }) => [asked, got])).toEqual([
    [3000, tokens(/zh/)],
    [1000, tokens(/en.news/)],
    [0, 0],
  ]);
  expect(manifest.details["shares"]).toEqual(shares);
});

test("a sample is spread over the corpus, never its first documents", async () => {
  const { train } = await mix({ rules: [{ language: "zh", weight: 1 }], trainTokens: 2000 });
  const places = train.map(
    (text) => documents.findIndex((document) => document.text === text) / documents.length,
  );
  const mean = places.reduce((sum, place) => sum + place, 0) / places.length;
  expect(Math.abs(mean - 0.5)).toBeLessThan(0.12);
});

test("without a total, the scarcest share decides; a shortfall of a given total is reported", async () => {
  const rules = [
    { language: "zh", weight: 1 },
    { language: "en", weight: 4 },
  ];
  const { shares } = await mix({ rules });
  const [zh, en] = shares;
  expect(en?.asked).toBe(en?.available);
  expect((en?.got ?? 0) / (zh?.got ?? 1)).toBeCloseTo(4, 1);
  const short = await mix({ rules, trainTokens: 10 ** 6 });
  for (const share of short.shares) expect(share.got).toBe(share.available);
});

test("what does not fit in memory is mixed to the same bytes, and leaves nothing behind", async () => {
  const rules = [
    { language: "zh", weight: 1 },
    { language: "en", weight: 2 },
  ];
  const whole = await mix({ rules });
  for (const memoryBytes of [1000, 30_000]) {
    const inParts = await mix({ rules, memoryBytes });
    expect(readdirSync(inParts.folder)).toEqual(readdirSync(whole.folder));
    for (const name of readdirSync(whole.folder))
      expect(readFileSync(join(inParts.folder, name)).equals(readFileSync(join(whole.folder, name)))).toBe(
        true,
      );
  }
});

test("while it runs it takes the disk that is foretold, and not much less", async () => {
  const texts = Array.from({ length: 30 }, (_, copy) =>
    documents.map((document) => ({ ...document, text: `${copy} ${document.text}` })),
  ).flat();
  const tokenizedFolder = temporaryFolder();
  const { splits } = await tokenizeDocuments(texts, encoder, tokenizedFolder, {
    tokenizerDigest,
    shardTokens: 200_000,
  });
  const totals = splits["documents"]?.totals ?? { documents: 0, tokens: 0 };
  const tokenized = await openShards(tokenizedFolder);
  onTestFinished(() => tokenized.close());
  const folder = temporaryFolder();
  let most = 0;
  const look = (): void => {
    most = Math.max(most, bytesBelow(folder));
  };
  const mixed = { ...options, shardTokens: 20_000, memoryBytes: 100_000, onProgress: look };
  await mixShards(tokenized, folder, mixed);
  const foretold = mixingBytes(totals, 2, mixed.memoryBytes);
  // Looked at now and then, and a block of 1 MiB is in memory before it is on the disk.
  expect(most / foretold).toBeGreaterThan(0.9);
  expect(most / foretold).toBeLessThan(1.02);
  const after = bytesBelow(folder) - readFileSync(join(folder, "manifest.json")).length;
  expect(after / mixedBytes(totals, 2)).toBeCloseTo(1, 2);
});

test("a larger total keeps what a smaller one took, and the order of the corpus changes no sample", async () => {
  const rules = [{ language: "en", weight: 1 }];
  const few = new Set((await mix({ rules, trainTokens: 2000 })).train);
  const many = new Set((await mix({ rules, trainTokens: 4000 })).train);
  expect([...few].filter((text) => !many.has(text))).toEqual([]);
  expect(many.size).toBeGreaterThan(few.size);
  const reversed = await mix({ rules, trainTokens: 2000 }, [...documents].reverse());
  expect(new Set(reversed.train)).toEqual(few);
});

test("the order is a shuffle: neighbours of the corpus, and copies of a text, do not stay together", async () => {
  const copies = [...documents, ...documents.map((document) => ({ ...document, source: "copy" }))];
  const { train } = await mix({ validationFraction: 0.001 }, copies);
  const place = new Map(documents.map(({ text }, at) => [text, at]));
  const places = train.map((text) => place.get(text) ?? NaN);
  const distances = places.slice(1).map((at, index) => Math.abs(at - (places[index] ?? NaN)));
  const mean = distances.reduce((sum, distance) => sum + distance, 0) / distances.length;
  // Independent places are a third of the range apart, give or take a quarter of it over √1800.
  expect(mean / documents.length).toBeGreaterThan(0.3);
  expect(mean / documents.length).toBeLessThan(0.37);
  expect(distances.filter((distance) => distance === 0).length).toBeLessThan(8); // one is expected
});

test("an interrupt and a failing disk leave no shards and no files in between", async () => {
  const tokenizedFolder = temporaryFolder();
  await tokenizeDocuments(documents, encoder, tokenizedFolder, { tokenizerDigest, shardTokens: 2000 });
  const tokenized = await openShards(tokenizedFolder);
  onTestFinished(() => tokenized.close());
  const interrupt = new AbortController();
  const folder = temporaryFolder();
  const mixing = mixShards(tokenized, folder, {
    ...options,
    memoryBytes: 1000,
    signal: interrupt.signal,
    onProgress: () => interrupt.abort(),
  });
  await expect(mixing).rejects.toThrow(/aborted/);
  await expect(openShards(folder)).rejects.toMatchObject({ code: "SHARD_INVALID" });
  expect(readdirSync(folder).filter((name) => name.includes("unsorted"))).toEqual([]);

  const full = temporaryFolder();
  symlinkSync("/dev/full", join(full, "train-00000.tokens"));
  await expect(mixShards(tokenized, full, options)).rejects.toMatchObject({ code: "ENOSPC" });
  await expect(openShards(full)).rejects.toMatchObject({ code: "SHARD_INVALID" });
});

test("a mix that cannot work is refused", async () => {
  await expect(mix({ rules: [{ language: "fr", weight: 1 }] })).rejects.toMatchObject({ code: "MIX_EMPTY" });
  await expect(mix({ rules: [{ language: "en", weight: -1 }] })).rejects.toThrow(
    /weight of en must be at least 0/,
  );
  await expect(mix({ rules: [{ language: "en", weight: 0 }] })).rejects.toThrow(/no weight above 0/);
  await expect(mix({ validationFraction: 1 })).rejects.toThrow(/validationFraction/);
  await expect(mix({ trainTokens: 5 })).rejects.toThrow(/needs a mix/);
});
