/**
 * One piece of work on text, a process of its own so that its peak memory is its own; prints one JSON line.
 * `generate FOLDER GIGABYTES`: a Parquet file of so much text. `sample FOLDER GIGABYTES`: half of that, as download-sample
 * takes it. `corpus FOLDER GIGABYTES`: so much text as a corpus. `tokenize FOLDER`: that into shards, on two threads.
 */
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { fileWriter, ParquetWriter } from "hyparquet-writer";
import { CORPUS_FILES, readDocuments } from "../src/data/documents/dataset.ts";
import { createRandom } from "../src/data/random.ts";
import { downloadSample } from "../src/data/sampling/download-sample.ts";
import { downloadSampleParams } from "../src/data/sampling/sample-params.ts";
import { tokenizeDocuments } from "../src/data/shards/tokenize-documents.ts";
import { batchBySize } from "../src/std/batch-by-size.ts";
import { JsonlWriter } from "../src/std/jsonl.ts";
import { createEncoder } from "../src/tokenizer/encoder.ts";
import { trainBpe } from "../src/tokenizer/train-bpe.ts";
import { specialTokens } from "../stages/special-tokens.ts";
import { generatedWords, zipf } from "./generated-text.ts";

export interface SamplingWork {
  readonly seconds: number;
  readonly documents: number;
  readonly peakRssMb: number;
}

/** Documents of 500 words on average, 3.5 kB; a row group has 10,000 of them. */
const rowsOfGroup = 10_000;
const meanWords = 500;

const source = (folder: string): string => join(folder, "source.parquet");

function* generatedTexts(gigabytes: number): Generator<string> {
  const random = createRandom("sampling benchmark");
  const words = generatedWords(random);
  for (let characters = 0; characters < gigabytes * 1e9;) {
    const count = Math.ceil(-meanWords * Math.log(1 - random.uniform()));
    const text = Array.from({ length: count }, () => zipf(words, random)).join(" ");
    characters += text.length;
    yield text;
  }
}

async function generate(folder: string, gigabytes: number): Promise<number> {
  const schema = [
    { name: "root", num_children: 1 },
    { name: "text", type: "BYTE_ARRAY", converted_type: "UTF8", repetition_type: "REQUIRED" },
  ] as const;
  const writer = fileWriter(source(folder));
  const parquet = new ParquetWriter({
    writer,
    schema: [...schema],
    codec: "UNCOMPRESSED",
    statistics: false,
  });
  let documents = 0;
  const groups = batchBySize(generatedTexts(gigabytes), () => 1, rowsOfGroup);
  for await (const data of groups) {
    documents += data.length;
    await parquet.write({
      columnData: [{ name: "text", data: [...data], encoding: "PLAIN" }],
      rowGroupSize: rowsOfGroup,
    });
  }
  await parquet.finish();
  return documents;
}

async function corpus(folder: string, gigabytes: number): Promise<number> {
  mkdirSync(join(folder, "corpus"));
  const writer = new JsonlWriter(join(folder, "corpus", CORPUS_FILES.train));
  let documents = 0;
  for (const text of generatedTexts(gigabytes)) {
    await writer.write({ text, language: "en", source: "generated", category: "generated" });
    documents++;
  }
  await writer.close();
  return documents;
}

async function sample(folder: string, gigabytes: number): Promise<number> {
  const to = (name: string): string => join(folder, name);
  const { corpus: sampled } = await downloadSample(
    downloadSampleParams.parse({
      seed: 1,
      heldOutFraction: 0.001,
      onShortfall: "report",
      filters: { minCharacters: 100, nearDuplicates: {} },
      sources: [
        {
          kind: "local",
          path: source(folder),
          language: "en",
          category: "generated",
          characters: Math.round(gigabytes * 5e8),
        },
      ],
    }),
    {
      cacheDir: to("downloads"),
      workDirectory: to("work"),
      outputs: {
        corpus: to("sampled"),
        conversations: to("conversations"),
        preferences: to("preferences"),
        questions: to("questions"),
      },
    },
  );
  return sampled.files.reduce((sum, { records }) => sum + records, 0);
}

async function tokenize(folder: string): Promise<number> {
  const from = join(folder, "corpus");
  const some: string[] = [];
  for await (const { text } of readDocuments(from, "train")) if (some.push(text) === 1000) break;
  const options = {
    vocabSize: 8192,
    minFrequency: 2,
    specialTokens,
    splitPattern: "gpt2",
    splitDigits: true,
  } as const;
  const encoder = createEncoder(await trainBpe(some, options));
  const { splits } = await tokenizeDocuments(readDocuments(from, "train"), encoder, join(folder, "tokens"), {
    tokenizerDigest: "0".repeat(64),
    shardTokens: 100_000_000,
    workers: 2,
  });
  return splits["documents"]?.totals.documents ?? 0;
}

const [work = "", folder = "", gigabytes = "1"] = process.argv.slice(2);
const works: Record<string, () => Promise<number>> = {
  generate: () => generate(folder, Number(gigabytes)),
  sample: () => sample(folder, Number(gigabytes)),
  corpus: () => corpus(folder, Number(gigabytes)),
  tokenize: () => tokenize(folder),
};
const begin = performance.now();
const documents = await works[work]?.();
if (documents === undefined) throw new Error(`no work ${work}; there are ${Object.keys(works).join(", ")}`);
const done: SamplingWork = {
  seconds: (performance.now() - begin) / 1000,
  documents,
  peakRssMb: process.resourceUsage().maxRSS / 1024,
};
console.log(JSON.stringify(done));
