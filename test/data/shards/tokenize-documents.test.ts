import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { expect, test } from "vitest";
import { openShards } from "../../../src/data/shards/open-shards.ts";
import { tokenizeDocuments } from "../../../src/data/shards/tokenize-documents.ts";
import { createEncoder } from "../../../src/tokenizer/encoder.ts";
import { awkwardText, wellFormed } from "../../tokenizer/awkward-text.ts";
import { documents, encoder, temporaryFolder, tokenizerDigest } from "./corpus.ts";

const document = { language: "en", source: "s", category: "c" } as const;
const options = { tokenizerDigest, shardTokens: 50_000 };

/** Some batches' worth, of unequal length, so that threads finish out of order. */
const manyDocuments = Array.from({ length: 60 }, (_, index) => ({
  ...documents[index % 2 === 0 ? 0 : 1],
  text: documents
    .slice(index, index + 300 + 11 * index)
    .map(({ text }) => text)
    .join("\n"),
})) as typeof documents;

function filesOf(folder: string): Record<string, string> {
  return Object.fromEntries(
    readdirSync(folder).map((name) => [name, readFileSync(join(folder, name), "latin1")]),
  );
}

test("two and three threads write the bytes of one", async () => {
  const folders = await Promise.all(
    [1, 2, 3].map(async (workers) => {
      const folder = temporaryFolder();
      await tokenizeDocuments(manyDocuments, encoder, folder, { ...options, workers });
      return filesOf(folder);
    }),
  );
  expect(Object.keys(folders[0] ?? {}).length).toBeGreaterThan(6);
  expect(folders[1]).toEqual(folders[0]);
  expect(folders[2]).toEqual(folders[0]);
});

test("what the tokens on disk stand for adds up to the bytes of all documents, whatever is in them", async () => {
  const models = [encoder.model, { ...encoder.model, composed: true, splitPattern: "han" as const }];
  await fc.assert(
    fc.asyncProperty(
      fc.array(awkwardText, { minLength: 1, maxLength: 8 }),
      fc.constantFrom(...models),
      async (texts, model) => {
        const folder = temporaryFolder();
        const made = createEncoder(model);
        const all = ["a", ...texts].map((text) => ({ ...document, text }));
        const { splits } = await tokenizeDocuments(all, made, folder, options);
        const shards = await openShards(folder);
        const ids = new Int32Array(splits["documents"]?.totals.tokens ?? 0);
        await shards.split("documents").read(0, ids.length, ids);
        await shards.close();
        const bytes = ids.reduce((sum, id) => sum + (made.tokenByteCounts[id] ?? 0), 0);
        const composed = all.map(({ text }) => (model.composed ? text.normalize("NFC") : text)).join("");
        expect(bytes).toBe(Buffer.byteLength(wellFormed(composed)));
        expect(ids.filter((id) => made.isSpecial(id))).toEqual(new Int32Array());
      },
    ),
    { numRuns: 60 },
  );
});

test("documents over the bound are dropped and counted", async () => {
  const texts = ["short", "x".repeat(1001), "x".repeat(1000)];
  const manifest = await tokenizeDocuments(
    texts.map((text) => ({ text, language: "en", source: "s", category: "c" }) as const),
    encoder,
    temporaryFolder(),
    { ...options, maxDocumentCharacters: 1000 },
  );
  expect(manifest.details).toEqual({ dropped: { empty: 0, tooLong: 1 } });
  expect(manifest.splits["documents"]?.totals.bytes).toBe(1005);
});

test("an error of the source, and an interrupt, end the threads and reach the caller", async () => {
  async function* broken() {
    yield* manyDocuments.slice(0, 20);
    await Promise.resolve();
    throw new Error("the source ends here");
  }
  await expect(
    tokenizeDocuments(broken(), encoder, temporaryFolder(), { ...options, workers: 2 }),
  ).rejects.toThrow("the source ends here");
  await expect(
    tokenizeDocuments(manyDocuments, encoder, temporaryFolder(), {
      ...options,
      workers: 2,
      signal: AbortSignal.abort(),
    }),
  ).rejects.toThrow(/aborted/);
});
