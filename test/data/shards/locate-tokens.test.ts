import fc from "fast-check";
import { expect, test } from "vitest";
import { createPretrainSource } from "../../../src/data/loader/pretrain-source.ts";
import { locateTokens } from "../../../src/data/shards/locate-tokens.ts";
import { entryNumbers } from "../../../src/data/shards/shard-format.ts";
import { openMixedShards } from "../loader/mixed-shards.ts";

test("tokens are found in the shard and the documents that hold them", async () => {
  const shards = await openMixedShards();
  const split = shards.split("train");
  const names = shards.manifest.splits["train"]?.shards ?? [];
  expect(names.length).toBeGreaterThan(1);
  // By hand: the document of every token, and the shard of every token.
  const documentOf: number[] = [];
  let document = 0;
  for await (const { entries } of split.documentBlocks())
    for (let at = 0; at < entries.length; at += entryNumbers, document++)
      for (let token = 0; token < (entries[at] ?? 0); token++) documentOf.push(document);
  const shardOf = names.flatMap(({ name, tokens }) =>
    Array.from({ length: tokens }, (_, offset) => ({ shard: name, shardOffset: offset })),
  );
  expect(documentOf).toHaveLength(split.totals.tokens);
  const range = fc
    .tuple(fc.nat(split.totals.tokens - 1), fc.integer({ min: 1, max: 300 }))
    .map(([start, count]) => ({ start, count: Math.min(count, split.totals.tokens - start) }));
  await fc.assert(
    fc.asyncProperty(fc.array(range, { maxLength: 5 }), async (ranges) => {
      expect(await locateTokens(split, names, ranges)).toEqual(
        ranges.map(({ start, count }) => ({
          ...shardOf[start],
          firstDocument: documentOf[start],
          lastDocument: documentOf[start + count - 1],
        })),
      );
    }),
    { numRuns: 30 },
  );
});

test("a pretraining batch names its rows by tokens that are its inputs and targets", async () => {
  const shards = await openMixedShards();
  const split = shards.split("train");
  const source = createPretrainSource(shards, { split: "train", batchSize: 3, sequenceLength: 16, seed: 7 });
  await source.next();
  const { inputs, targets, origins } = await source.next();
  const rows = (await origins?.()) ?? [];
  expect(rows).toHaveLength(3);
  for (const [row, text] of rows.entries()) {
    const found = /^tokens (\d+) \+ 17 of train \(\S+ from token \d+, documents \d+ to \d+\)$/.exec(text);
    const tokens = new Int32Array(17);
    await split.read(Number(found?.[1]), 17, tokens);
    expect(tokens.slice(0, 16)).toEqual(inputs.slice(row * 16, row * 16 + 16));
    expect(tokens[16]).toBe(targets[row * 16 + 15]);
  }
});
