/**
 * Eight defects of an earlier script for the same job, each a test at the level where it could come back. What the script did
 * is said in each name.
 */
import { readdir, readFile, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import { parse } from "yaml";
import type { z } from "zod";
import { smoltalkConversation } from "../../../src/data/adapters/smoltalk.ts";
import { binarizedPair } from "../../../src/data/adapters/ultrafeedback-binarized.ts";
import { readDocuments } from "../../../src/data/documents/dataset.ts";
import type { DataDocument } from "../../../src/data/records.ts";
import { downloadSample } from "../../../src/data/sampling/download-sample.ts";
import { SampleOutputs, type SampleDirectories } from "../../../src/data/sampling/sample-outputs.ts";
import { downloadSampleParams, type DownloadSampleParams } from "../../../src/data/sampling/sample-params.ts";
import { sampleStream, type StreamItem } from "../../../src/data/sampling/sample-stream.ts";
import { headerBytes } from "../../../src/data/shards/shard-format.ts";
import { tokenizeDocuments } from "../../../src/data/shards/tokenize-documents.ts";
import { defineLlama } from "../../../src/model/llama-config.ts";
import { countParameters } from "../../../src/model/llama-parameters.ts";
import { datasetPage } from "../../../src/report/dataset-page.ts";
import { collect } from "../../../src/std/collect.ts";
import { documents, encoder, tokenizerDigest } from "../shards/corpus.ts";
import { temporaryDirectory } from "../sources/temporary-directory.ts";
import { industryFiles, serveHub } from "./industry-repository.ts";
import { sampleDirectories } from "./sample-directories.ts";

type Source = z.input<typeof downloadSampleParams>["sources"][number];

const recipeOf = (...sources: Source[]): DownloadSampleParams =>
  downloadSampleParams.parse({ seed: 1, heldOutFraction: 0.1, onShortfall: "report", sources });

interface Rig {
  readonly workDirectory?: string;
  readonly onCheckpoint?: (abort: () => void) => void;
}

async function sample(params: DownloadSampleParams, { workDirectory, onCheckpoint }: Rig = {}) {
  const outputs = await sampleDirectories();
  const controller = new AbortController();
  const manifests = await downloadSample(params, {
    cacheDir: await temporaryDirectory(),
    workDirectory: workDirectory ?? join(await temporaryDirectory(), "work"),
    outputs,
    retry: { retries: 0, minTimeoutMs: 1 },
    signal: controller.signal,
    onCheckpoint: () => onCheckpoint?.(() => controller.abort(new Error("stopped"))),
  });
  return { manifests, outputs, texts: await textsOf(outputs) };
}

async function textsOf({ corpus }: SampleDirectories): Promise<DataDocument[]> {
  const [train, heldOut] = [readDocuments(corpus, "train"), readDocuments(corpus, "heldout")];
  return [...(await collect(train)), ...(await collect(heldOut))];
}

/** A file of one text a line, in their order. */
async function local(texts: readonly string[], characters: number): Promise<Source> {
  const path = join(await temporaryDirectory(), "sorted.jsonl");
  await writeFile(path, texts.map((text) => JSON.stringify({ text })).join("\n"));
  return { kind: "local", path, language: "zh", category: "notes", characters };
}

const chineseTexts = Array.from({ length: 100 }, (_, index) => `第${index}篇`);

const fixture = (name: string): Promise<Buffer> =>
  readFile(new URL(`../sources/fixtures/${name}`, import.meta.url));

const hub = { kind: "huggingface", repository: "team/set", revision: "main" } as const;
const industry = { ...hub, dataset: "industry-corpus-2" } as const;

const recipe = async () => {
  const file = parse(await readFile("configs/minilm.yaml", "utf8")) as {
    downloadSample: unknown;
    trainTokenizer: { vocabSize: number };
    pretrain: { model: Parameters<typeof defineLlama>[0] };
  };
  return { ...file, downloadSample: downloadSampleParams.parse(file.downloadSample) };
};

test("1: tokens were counted by spaces; they are the tokenizer's, and reconcile with the bytes of the shards", async () => {
  const chinese = documents.filter(({ language }) => language === "zh").map(({ text }) => text);
  const { manifests, texts } = await sample(recipeOf(await local(chinese, 3000)));
  expect(manifests.corpus.strata[0]?.got.characters).toBeGreaterThanOrEqual(3000);
  expect(manifests.corpus.strata[0]?.got.characters).toBeLessThan(3100);

  const folder = await temporaryDirectory();
  const shards = await tokenizeDocuments(texts, encoder, folder, { tokenizerDigest, shardTokens: 500 });
  const { tokens = 0, bytes } = shards.splits["documents"]?.totals ?? {};
  expect(tokens).toBe(texts.reduce((sum, { text }) => sum + encoder.encode(text).length, 0));
  expect(tokens).toBeGreaterThan(
    5 * texts.reduce((sum, { text }) => sum + text.split(/\s+/u).length, 0), // what the script took them for
  );
  expect(bytes).toBe(texts.reduce((sum, { text }) => sum + Buffer.byteLength(text), 0));
  const files = (await readdir(folder)).filter((name) => name.endsWith(".tokens"));
  const sizes = await Promise.all(files.map(async (name) => (await stat(join(folder, name))).size));
  expect(files.length).toBeGreaterThan(1);
  expect(sizes.reduce((sum, size) => sum + size - headerBytes, 0)).toBe(2 * tokens);
});

test("2: rows were taken in file order; a sample of a sorted file is spread evenly over it", async () => {
  const sorted = Array.from({ length: 4000 }, (_, index) => `${String(index).padStart(4, "0")} `.repeat(8));
  const { texts } = await sample(recipeOf(await local(sorted, 30_000)));
  const tenths = new Array<number>(10).fill(0);
  for (const { text } of texts) {
    const tenth = Math.floor(Number.parseInt(text, 10) / 400);
    tenths[tenth] = (tenths[tenth] ?? 0) + 1;
  }
  const expected = texts.length / 10;
  for (const count of tenths) expect(Math.abs(count - expected)).toBeLessThan(4 * Math.sqrt(expected));
});

test("3: all samples were held in memory; what is kept is on disk before much more is read", async () => {
  const work = await temporaryDirectory();
  const outputs = await SampleOutputs.create(work, {
    heldOutFraction: 0,
    onShortfall: "report",
    filters: {},
  });
  let pass = 0;
  let mostAhead = 0;
  const items = async function* (): AsyncGenerator<StreamItem> {
    pass++;
    let given = 0;
    for (let index = 0; index < 4000; index++) {
      if (pass === 2 && index % 100 === 0) {
        const { size } = await stat(join(work, "corpus", "train.jsonl")).catch(() => ({ size: 0 }));
        mostAhead = Math.max(mostAhead, given - size);
      }
      const text = `${index} `.repeat(400);
      given += text.length;
      yield { document: { text, language: "en", source: "stream", category: "numbers" } };
    }
  };
  const weights = { en: { numbers: 1 } };
  const kept = await sampleStream(
    { name: "stream", items, seed: 1, quotas: { en: Infinity }, weights },
    outputs,
  );
  await outputs.abandon();
  expect([pass, kept]).toEqual([2, 4000]);
  expect(mostAhead).toBeGreaterThan(0);
  expect(mostAhead).toBeLessThan(256 * 1024); // of 7.5 MB
});

test("4: it returned inside the loop over languages; a sample that is gone on with after one language makes the other", async () => {
  await serveHub("team/set", await industryFiles());
  const workDirectory = join(await temporaryDirectory(), "work");
  const characters = { en: 15_000, zh: 8000 };
  const weights = { sports: 1 };
  const params = recipeOf({ ...industry, characters, weights, qualities: ["high"], rowShare: 0.1 });
  let interrupted = 0;
  for (;;) {
    try {
      const onCheckpoint = (abort: () => void): void => abort(); // one part of a row group an attempt
      const { manifests } = await sample(params, { workDirectory, onCheckpoint });
      for (const language of ["en", "zh"] as const) {
        const strata = manifests.corpus.strata.filter((one) => one.language === language);
        const got = strata.reduce((sum, one) => sum + one.got.characters, 0);
        expect(got).toBeGreaterThanOrEqual(characters[language]);
        expect(got).toBeLessThan(characters[language] * 1.01);
      }
      break;
    } catch (error) {
      if (!(error instanceof Error) || error.message !== "stopped") throw error;
      interrupted++;
    }
  }
  expect(interrupted).toBeGreaterThan(4);
});

test("5: it weighted code and mathematics by a third; the recipe gives them nothing, and its page says so", async () => {
  const { downloadSample: params } = await recipe();
  const source = params.sources.find((one) => "dataset" in one && one.dataset === "industry-corpus-2");
  if (!source || !("weights" in source)) throw new Error("the recipe names no such source");
  await serveHub("team/set", await industryFiles());
  const characters = { en: 20_000, zh: 10_000 };
  const { manifests } = await sample(recipeOf({ ...source, ...hub, characters }));
  const rows = datasetPage(manifests.corpus).split("\n");
  for (const category of ["computer_programming_code", "mathematics_statistics", "biomedicine"]) {
    for (const stratum of [`en / ${category} / high`, `zh / ${category} / high`])
      expect(rows).toContain(`| ${stratum} | 0 | not counted | 0 | 0 | 0.00 % |`);
  }
  expect(rows.find((line) => line.startsWith("| en / news_media / high |"))).toMatch(/\| 5,000 \|/u);
});

test("6: it read columns that its dataset of preferences lacks, and made no pair; both are errors", async () => {
  const own = await local(chineseTexts, 1000);
  const source = { ...hub, dataset: "ultrafeedback-binarized", files: "data/", preferences: 5 } as const;
  await serveHub("team/set", { "data/a.parquet": await fixture("openbmb.parquet") });
  await expect(sample(recipeOf(own, source))).rejects.toMatchObject({
    code: "SCHEMA_MISMATCH",
    message: expect.stringContaining("chosen") as string,
  });
  await expect(sample(recipeOf(own, { ...source, files: "nowhere/" }))).rejects.toMatchObject({
    code: "NO_RECORDS",
  });
});

test("7: it swallowed errors and rows of other keys; rows are counted by reason, and a broken file ends the sample", async () => {
  const own = await local(chineseTexts, 1000);
  const whole = await fixture("smoltalk.parquet");
  const source = { ...hub, dataset: "smol-smoltalk", files: "chat/", conversations: 100 } as const;
  await serveHub("team/set", { "chat/a.parquet": whole });
  const { manifests } = await sample(recipeOf(own, source));
  const { read, dropped, files } = manifests.conversations;
  const counts = Object.entries(dropped).map(([reason, { records }]) => [reason, records]);
  expect(Object.fromEntries(counts)).toEqual({
    "messages are not as they should be": 1,
    "empty message": 1,
  });
  expect([read.records, files[0]?.records]).toEqual([20, 18]);

  const otherKeys = [
    { from: "human", value: "Why?" },
    { from: "gpt", value: "Because." },
  ];
  expect(smoltalkConversation({ messages: otherKeys }, "set")).toHaveProperty("dropped");
  expect(binarizedPair({ chosen: otherKeys, rejected: otherKeys }, "set")).toHaveProperty("dropped");

  await serveHub("team/set", { "chat/a.parquet": whole.subarray(0, whole.length - 20) });
  await expect(sample(recipeOf(own, source))).rejects.toMatchObject({
    code: "PARQUET_CORRUPT",
    message: expect.stringContaining("chat/a.parquet") as string,
  });
});

test("8: it took a tokenizer of 151,936 entries; the recipe trains one of 20,000, for which the model is made", async () => {
  const { trainTokenizer, pretrain } = await recipe();
  expect(trainTokenizer.vocabSize).toBe(20_000);
  const model = defineLlama({ ...pretrain.model, vocabSize: trainTokenizer.vocabSize });
  expect(countParameters(model)).toBe(117_723_456);
});
