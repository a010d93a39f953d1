import { appendFile, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import { cleanText } from "../../../src/data/documents/clean-text.ts";
import {
  DatasetWriter,
  readConversations,
  readDocuments,
  readPreferences,
  readQuestions,
  validateDataset,
} from "../../../src/data/documents/dataset.ts";
import { checkTotals, readManifest, type Manifest } from "../../../src/data/documents/manifest.ts";
import type { DataDocument } from "../../../src/data/records.ts";
import { temporaryDirectory } from "../sources/temporary-directory.ts";

const facts = { seed: 1, sources: [{ name: "test", revision: "1" }], notes: [] };
const document = (text: string): DataDocument => ({
  text,
  language: "zh",
  source: "test",
  category: "poetry",
});

const poetry = { language: "zh", category: "poetry" } as const;

async function corpus(): Promise<string> {
  const directory = join(await temporaryDirectory(), "corpus");
  const writer = await DatasetWriter.create(directory, "documents");
  writer.ask(100);
  writer.askStratum(poetry, 100, 500);
  await writer.keep("train.jsonl", poetry, document("床前明月光"));
  await writer.keep("heldout.jsonl", poetry, document("疑是地上霜"));
  writer.drop("duplicate", 5, poetry);
  writer.drop("duplicate", 6);
  writer.repaired("invalidUtf8");
  await writer.finish(facts);
  return directory;
}

async function collect<T>(items: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = [];
  for await (const item of items) all.push(item);
  return all;
}

test("what is written is read back, and the manifest accounts for all that was read", async () => {
  const directory = await corpus();
  expect(await collect(readDocuments(directory, "train"))).toEqual([document("床前明月光")]);
  expect(await collect(readDocuments(directory, "heldout"))).toEqual([document("疑是地上霜")]);
  const manifest = await validateDataset(directory, "documents");
  expect(manifest).toMatchObject({
    asked: 100,
    read: { records: 4, characters: 21 },
    dropped: { duplicate: { records: 2, characters: 11 } },
    repaired: { invalidUtf8: 1 },
    strata: [
      {
        language: "zh",
        category: "poetry",
        asked: 100,
        available: 500,
        got: { records: 2, characters: 10 },
        dropped: { duplicate: { records: 1, characters: 5 } },
      },
    ],
  });
});

test("a manifest whose totals do not reconcile is refused", async () => {
  const manifest = await readManifest(await corpus());
  const mismatch = { code: "MANIFEST_MISMATCH" };
  const changed: Manifest[] = [
    { ...manifest, read: { ...manifest.read, records: 5 } },
    { ...manifest, dropped: {} },
    { ...manifest, strata: [] },
    {
      ...manifest,
      strata: manifest.strata.map((one) => ({ ...one, dropped: { late: { records: 1, characters: 0 } } })),
    },
    { ...manifest, files: manifest.files.slice(1) },
  ];
  for (const one of changed)
    expect(() => checkTotals(one, "m")).toThrow(expect.objectContaining(mismatch) as Error);
});

test("files that differ from their manifest are refused", async () => {
  const directory = await corpus();
  await appendFile(join(directory, "train.jsonl"), `${JSON.stringify(document("多余"))}\n`);
  await expect(validateDataset(directory, "documents")).rejects.toMatchObject({ code: "MANIFEST_MISMATCH" });
});

test("a dataset of another kind, and one without a manifest, are refused", async () => {
  await expect(validateDataset(await corpus(), "questions")).rejects.toMatchObject({
    code: "MANIFEST_MISMATCH",
  });
  await expect(readManifest(await temporaryDirectory())).rejects.toMatchObject({ code: "MANIFEST_INVALID" });
});

test("a record that is not what it should be is an error with file and line", async () => {
  const directory = await temporaryDirectory();
  const message = { role: "user", content: "Q" };
  const rest = { language: "en", source: "s" };
  const cases = [
    [readConversations, { messages: [message], ...rest }, "needs an assistant message"],
    [readPreferences, { prompt: [message], chosen: "a", rejected: "a", ...rest }, "must differ"],
    [readQuestions, { prompt: [message], choices: ["a", "b"], answer: 2, ...rest }, "index of a choice"],
    [
      readQuestions,
      { prompt: [{ ...message, role: "assistant" }], choices: ["a", "b"], answer: 0, ...rest },
      "user message",
    ],
    [
      readQuestions,
      { prompt: [message], choices: ["a", "b"], answer: 0, ...rest, language: "fr" },
      "language",
    ],
  ] as const;
  for (const [read, record, why] of cases) {
    const path = join(directory, "records.jsonl");
    await writeFile(path, `${JSON.stringify(record)}\n`);
    const error = await collect<unknown>(read(directory)).catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ code: "RECORD_INVALID" });
    expect(String(error)).toContain(`${path}:1`);
    expect(String(error)).toContain(why);
  }
});

test("the same calls write the same bytes", async () => {
  const [one, two] = [await corpus(), await corpus()];
  for (const name of ["train.jsonl", "heldout.jsonl", "manifest.json"]) {
    expect(await readFile(join(one, name))).toEqual(await readFile(join(two, name)));
  }
});

test("control characters are taken out, line ends made one kind, good text left alone", () => {
  expect(cleanText("a\u0000b\r\nc\rd\te")).toEqual({ text: "ab\nc\nd\te", faults: ["controlCharacters"] });
  expect(cleanText("床前明月光 👩‍🚀 café")).toEqual({ text: "床前明月光 👩‍🚀 café", faults: [] });
  expect(cleanText("\ud800a\uFFFD")).toEqual({
    text: "\uFFFDa\uFFFD",
    faults: ["replacementCharacters", "loneSurrogates"],
  });
  expect(cleanText("a\uFFFD", false)).toEqual({ text: "a\uFFFD", faults: ["invalidUtf8"] });
});
