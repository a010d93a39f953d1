/** More entries than 16 bits can number, held to the digests of what Hugging Face's trainer and encoder give. */
import { createHash } from "node:crypto";
import { expect, test } from "vitest";
import { openShards } from "../../src/data/shards/open-shards.ts";
import { tokenizeDocuments } from "../../src/data/shards/tokenize-documents.ts";
import { createEncoder } from "../../src/tokenizer/encoder.ts";
import { trainBpe } from "../../src/tokenizer/train-bpe.ts";
import { temporaryFolder } from "../data/shards/corpus.ts";
import { readGoldenJson, specialTokens } from "./golden.ts";

const golden = readGoldenJson("large-vocabulary.json") as Record<"tokens" | "merges" | "ids", string> &
  Record<"vocabSize" | "largestId", number>;

/** Letters by a linear congruential generator, the example of `rand` in ISO C; as large-vocabulary.py makes them. */
function words(count: number): string[] {
  let state = 1;
  const draw = (bound: number): number => {
    state = (Math.imul(state, 1_103_515_245) + 12_345) & 0x7fffffff;
    return (state >>> 16) % bound;
  };
  return Array.from({ length: count }, () => {
    const length = 4 + draw(8);
    return Array.from({ length }, () => String.fromCharCode(97 + draw(26))).join("");
  });
}

const digest = (parts: readonly string[]): string =>
  createHash("sha256").update(parts.join("\n")).digest("hex");

test("a vocabulary of more than 65,536 entries is trained, encoded and kept in shards with all of its ids", async () => {
  const all = words(24_000);
  const lines = Array.from({ length: all.length / 20 }, (_, line) =>
    all.slice(20 * line, 20 * line + 20).join(" "),
  );
  const model = await trainBpe(lines, {
    vocabSize: 70_000,
    minFrequency: 1,
    specialTokens,
    splitPattern: "gpt2",
    splitDigits: true,
  });
  expect(model.tokens.length).toBe(golden.vocabSize);
  expect(digest(model.tokens)).toBe(golden.tokens);
  expect(
    digest(model.merges.map(([first, second]) => `${model.tokens[first]} ${model.tokens[second]}`)),
  ).toBe(golden.merges);

  const encoder = createEncoder(model);
  const encoded = lines.map((line) => [...encoder.encode(line)]);
  expect(digest(encoded.map((ids) => ids.join(",")))).toBe(golden.ids);

  const folder = temporaryFolder();
  const documents = lines.map((text) => ({ text, language: "en", source: "s", category: "c" }) as const);
  const options = { tokenizerDigest: "0".repeat(64), shardTokens: 10_000, workers: 2 };
  const { splits } = await tokenizeDocuments(documents, encoder, folder, options);
  const shards = await openShards(folder);
  const ids = new Int32Array(splits["documents"]?.totals.tokens ?? 0);
  await shards.split("documents").read(0, ids.length, ids);
  await shards.close();
  expect(ids.reduce((most, id) => Math.max(most, id), 0)).toBe(golden.largestId);
  expect(digest([ids.join(",")])).toBe(digest([encoded.flat().join(",")]));
});
