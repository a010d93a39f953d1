import { expect, test } from "vitest";
import { evaluationWindows } from "../../../src/data/loader/evaluation-windows.ts";
import { encoder, endOfText } from "../shards/corpus.ts";
import { openMixedShards } from "./mixed-shards.ts";

const { tokenByteCounts } = encoder;

test.each([
  [32, 16],
  [32, 32],
  [32, 1],
  [7, 3],
  [4096, 2048],
])(
  "every held-out token of text is predicted once, by group (T = %i, stride %i)",
  async (sequenceLength, stride) => {
    const shards = await openMixedShards();
    const texts = new Map<string, number[]>();
    const totals = new Map<string, { tokens: number; bytes: number }>();
    const options = { split: "validation", batchSize: 4, sequenceLength, stride, tokenByteCounts, endOfText };
    for await (const { batch, rows } of evaluationWindows(shards, options)) {
      for (const [row, { group, tokens, bytes }] of rows.entries()) {
        const [start, end] = [row * sequenceLength, (row + 1) * sequenceLength];
        const mask = batch.lossMask.subarray(start, end);
        const targets = batch.targets.subarray(start, end).filter((_, at) => mask[at] === 1);
        expect(targets).toHaveLength(tokens);
        texts.set(group, [...(texts.get(group) ?? []), ...targets]);
        const total = totals.get(group) ?? { tokens: 0, bytes: 0 };
        totals.set(group, { tokens: total.tokens + tokens, bytes: total.bytes + bytes });
        // Every target follows its input.
        const inputs = batch.inputs.subarray(start, end);
        const supervised = mask.lastIndexOf(1);
        expect(inputs.slice(1, supervised + 1)).toEqual(batch.targets.slice(start, start + supervised));
      }
    }
    const split = shards.split("validation");
    const all = new Int32Array(split.totals.tokens);
    await split.read(0, all.length, all);
    const expected = new Map<string, number[]>();
    for await (const { firstToken, entries } of split.documentBlocks()) {
      let token = firstToken;
      for (let at = 0; at < entries.length; at += 5) {
        const language = shards.manifest.strata[entries[at + 4] ?? -1]?.language ?? "";
        const end = token + (entries[at] ?? 0);
        expected.set(language, [...(expected.get(language) ?? []), ...all.subarray(token, end - 1)]);
        token = end;
      }
    }
    expect(texts).toEqual(expected);
    for (const [index, { language }] of shards.manifest.strata.entries()) {
      expect(totals.get(language)?.bytes).toBeGreaterThanOrEqual(
        shards.manifest.splits["validation"]?.strata[index]?.bytes ?? Infinity,
      );
    }
    const bytes = [...totals.values()].reduce((sum, total) => sum + total.bytes, 0);
    expect(bytes).toBe(split.totals.bytes);
  },
);

test("with half a window of stride, a token has at least half a window of context after the first", async () => {
  const shards = await openMixedShards();
  const options = { split: "validation", batchSize: 1, sequenceLength: 32, tokenByteCounts, endOfText };
  let group = "";
  for await (const { batch, rows } of evaluationWindows(shards, options)) {
    const first = rows[0]?.group !== group;
    group = rows[0]?.group ?? "";
    if (first) {
      expect(batch.inputs[0]).toBe(endOfText);
      expect(batch.lossMask[0]).toBe(1);
    } else expect(batch.lossMask.subarray(0, 16).every((mask) => mask === 0)).toBe(true);
  }
});

test("groups may be any function of the stratum", async () => {
  const shards = await openMixedShards();
  const groups = new Set<string>();
  const groupOf = ({ language, category }: { language: string; category: string }) =>
    `${language}/${category}`;
  const options = {
    split: "validation",
    batchSize: 4,
    sequenceLength: 32,
    tokenByteCounts,
    endOfText,
    groupOf,
  };
  for await (const { rows } of evaluationWindows(shards, options))
    for (const { group } of rows) groups.add(group);
  expect([...groups].sort()).toEqual(["en/news", "en/sports", "zh/news", "zh/sports"]);
  await expect(evaluationWindows(shards, { ...options, stride: 40 }).next()).rejects.toThrow(
    /stride must be from 1 to 32/,
  );
});
