/**
 * `encoding-work.mjs TEXT TOKENIZER FOLDER THREADS`: the text's documents to token shards in a process of its own, as the
 * stage tokenize is one: it starts its threads and compiles its code. Prints one JSON line.
 */
import { createReadStream, readFileSync } from "node:fs";
import { tokenizeDocuments } from "../src/data/shards/tokenize-documents.ts";
import type { DataDocument } from "../src/data/records.ts";
import { createEncoder } from "../src/tokenizer/encoder.ts";
import { parseTokenizerJson } from "../src/tokenizer/tokenizer-json.ts";

export interface EncodingWork {
  /** From documents in memory to shards on the disk. */
  readonly seconds: number;
  /** Of all threads in that time. */
  readonly cpuSeconds: number;
  readonly documents: number;
  readonly bytes: number;
}

/** UTF-16 units of a document at least: lines are joined to documents of a usual length. */
const documentCharacters = 2000;

const [text = "", tokenizer = "", folder = "", threads = "1"] = process.argv.slice(2);
const documents = await readDocuments(text);
const encoder = createEncoder(parseTokenizerJson(readFileSync(tokenizer, "utf8")));
const cpuBefore = process.cpuUsage();
const start = performance.now();
await tokenizeDocuments(documents, encoder, folder, {
  tokenizerDigest: "0".repeat(64),
  shardTokens: 100_000_000,
  workers: Number(threads),
});
const seconds = (performance.now() - start) / 1000;
const { user, system } = process.cpuUsage(cpuBefore);
const work: EncodingWork = {
  seconds,
  cpuSeconds: (user + system) / 1e6,
  documents: documents.length,
  bytes: documents.reduce((sum, document) => sum + Buffer.byteLength(document.text), 0),
};
console.log(JSON.stringify(work));

async function readDocuments(path: string): Promise<DataDocument[]> {
  const found: DataDocument[] = [];
  let rest = "";
  for await (const chunk of createReadStream(path, { encoding: "utf8" })) {
    rest += String(chunk);
    let end = rest.indexOf("\n", documentCharacters);
    while (end >= 0) {
      found.push({ text: rest.slice(0, end), language: "en", source: "bench", category: "text" });
      rest = rest.slice(end + 1);
      end = rest.indexOf("\n", documentCharacters);
    }
  }
  return found;
}
