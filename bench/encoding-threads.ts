/**
 * Bulk encoding into shards on one thread and on two, as the tokenize stage does it: starting threads, handing texts
 * over and writing included. Shards that differ in a byte are a failure, and so is too small a gain.
 */
import { createHash } from "node:crypto";
import { createReadStream, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { tokenizeDocuments } from "../src/data/shards/tokenize-documents.ts";
import type { DataDocument } from "../src/data/records.ts";
import { createEncoder } from "../src/tokenizer/encoder.ts";
import { trainBpe } from "../src/tokenizer/train-bpe.ts";
import { specialTokens } from "../stages/special-tokens.ts";
import { median, row, type Benchmark } from "./row.ts";
import { trainingText } from "./training-text.ts";

const bar = 1.8;
const repetitions = 5;
const documentCharacters = 2000;

export const encodingThreads: Benchmark = {
  name: "encoding-threads",
  description: "documents of --megabytes of text (20) to token shards, on one thread and on two",
  large: true,
  async run(report, { megabytes }) {
    const documents = await readDocuments(await trainingText(megabytes));
    const bytes = documents.reduce((sum, { text }) => sum + Buffer.byteLength(text), 0);
    const some = documents.slice(0, 4000).map(({ text }) => text);
    const model = await trainBpe(some, {
      vocabSize: 8192,
      minFrequency: 2,
      specialTokens,
      splitPattern: "gpt2",
      splitDigits: true,
    });
    const speeds: Record<1 | 2, number[]> = { 1: [], 2: [] };
    const digests = new Set<string>();
    for (let index = 0; index < repetitions; index++)
      for (const workers of [1, 2] as const) {
        const folder = mkdtempSync(join("cache", "bench", "encoding-"));
        try {
          const encoder = createEncoder(model); // its cache is cold
          const start = performance.now();
          await tokenizeDocuments(documents, encoder, folder, {
            tokenizerDigest: "0".repeat(64),
            shardTokens: 100_000_000,
            workers,
          });
          speeds[workers].push(bytes / 1e3 / (performance.now() - start));
          digests.add(digestOf(folder));
        } finally {
          rmSync(folder, { recursive: true });
        }
      }
    if (digests.size !== 1) throw new Error("one thread and two write different shards");
    const [one, two] = [median(speeds[1]), median(speeds[2])];
    report(
      row({
        bench: "encoding-threads",
        job: `${(bytes / 1e6).toFixed(1)} MB in ${documents.length} documents, ${model.tokens.length} tokens, to shards`,
        value: two,
        unit: "MB/s",
        peer: "one thread instead of two",
        peerValue: one,
      }),
    );
    if (two < bar * one) throw new Error(`two threads are to be ${bar} times as fast as one`);
  },
};

/** Lines joined to documents of a usual length. */
async function readDocuments(path: string): Promise<DataDocument[]> {
  const documents: DataDocument[] = [];
  let text = "";
  for await (const chunk of createReadStream(path, { encoding: "utf8" })) {
    text += String(chunk);
    let end = text.indexOf("\n", documentCharacters);
    while (end >= 0) {
      documents.push({ text: text.slice(0, end), language: "en", source: "bench", category: "text" });
      text = text.slice(end + 1);
      end = text.indexOf("\n", documentCharacters);
    }
  }
  return documents;
}

function digestOf(folder: string): string {
  const hash = createHash("sha256");
  for (const name of readdirSync(folder).sort()) hash.update(readFileSync(join(folder, name)));
  return hash.digest("hex");
}
