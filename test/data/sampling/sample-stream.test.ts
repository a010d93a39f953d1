import { readdir } from "node:fs/promises";
import { expect, onTestFinished, test, vi } from "vitest";
import { DocumentFilter } from "../../../src/data/sampling/filters/document-filter.ts";
import { SampleOutputs } from "../../../src/data/sampling/sample-outputs.ts";
import { downloadSampleParams } from "../../../src/data/sampling/sample-params.ts";
import { sampleStream } from "../../../src/data/sampling/sample-stream.ts";
import { temporaryDirectory } from "../sources/temporary-directory.ts";
import { sampleDirectories } from "./sample-directories.ts";

const { filters } = downloadSampleParams.shape;

const numbered = (count: number): string[] =>
  Array.from({ length: count }, (_, index) => `text ${index} `.repeat(4).trim());

/** The second pass sees `again`. */
async function sample(texts: readonly string[], again = texts) {
  const work = await temporaryDirectory();
  const outputs = await SampleOutputs.create(work, {
    heldOutFraction: 0,
    onShortfall: "report",
    filters: filters.parse({ minCharacters: 5, nearDuplicates: {} }),
  });
  let pass = 0;
  const items = function* () {
    for (const text of pass++ === 0 ? texts : again)
      yield { document: { text, language: "en", source: "stream", category: "c" } } as const;
  };
  const examine = vi.spyOn(DocumentFilter.prototype, "examine");
  onTestFinished(() => examine.mockRestore());
  const weights = { en: { c: 1 } };
  try {
    const kept = await sampleStream(
      { name: "stream", items, seed: 1, quotas: { en: 1e9 }, weights },
      outputs,
    );
    const { corpus } = await outputs.finish(1, [], await sampleDirectories());
    return { kept, corpus, examined: examine.mock.calls.length };
  } finally {
    await outputs.abandon();
    expect(await readdir(work)).not.toContain("first-pass.bin");
  }
}

test("each document is filtered and hashed once, and what is left out is counted by reason", async () => {
  const texts = [...numbered(500), "tiny", `TEXT  ${"7 text ".repeat(3)}7`];
  const { kept, corpus, examined } = await sample(texts);
  expect([kept, examined]).toEqual([500, 502]);
  expect(corpus.dropped).toMatchObject({ "too short": { records: 1 }, duplicate: { records: 1 } });
});

test("a stream that gives other text when it is read again is SOURCE_CHANGED", async () => {
  const texts = numbered(100);
  const changed = { code: "SOURCE_CHANGED", message: expect.stringContaining("stream") as string };
  await expect(sample(texts, texts.with(50, "another text altogether"))).rejects.toMatchObject(changed);
  await expect(sample(texts, texts.slice(1))).rejects.toMatchObject(changed);
  await expect(sample(texts, texts.slice(0, -1))).rejects.toMatchObject(changed);
  await expect(sample(texts, [...texts, "one more text"])).rejects.toMatchObject(changed);
});
