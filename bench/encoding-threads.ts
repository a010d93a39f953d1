/**
 * Bulk encoding into shards on one thread and on two, as the tokenize stage does it: each measurement is a process of its
 * own, which starts threads, compiles code, hands texts over and writes. Shards that differ in a byte are a failure, and
 * so is too small a gain.
 */
import { createHash } from "node:crypto";
import { createReadStream, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { execa } from "execa";
import { formatTokenizerJson } from "../src/tokenizer/tokenizer-json.ts";
import { trainBpe } from "../src/tokenizer/train-bpe.ts";
import { specialTokens } from "../stages/special-tokens.ts";
import type { EncodingWork } from "./encoding-work.ts";
import { median, row, type Benchmark } from "./row.ts";
import { trainingText } from "./training-text.ts";

const bar = 1.8;
const repetitions = 3;
const vocabSize = 8192;

export const encodingThreads: Benchmark = {
  name: "encoding-threads",
  description: "documents of --megabytes of text (20) to token shards, on one thread and on two",
  bar: `two threads at least ×${bar} of one`,
  large: true,
  async run(report, { megabytes }) {
    const path = await trainingText(megabytes);
    const folder = mkdtempSync(join("cache", "bench", "encoding-"));
    const works: Record<1 | 2, EncodingWork[]> = { 1: [], 2: [] };
    /** Of two processes of one thread each at once, which share nothing: what the machine gives. */
    const apart: number[] = [];
    const digests = new Set<string>();
    try {
      const tokenizer = join(folder, "tokenizer.json");
      writeFileSync(tokenizer, await trainedTokenizer(path));
      for (let index = 0; index < repetitions; index++) {
        for (const threads of [1, 2] as const) {
          const shards = join(folder, "shards");
          works[threads].push(await encode(path, tokenizer, shards, threads));
          digests.add(digestOf(shards));
          rmSync(shards, { recursive: true });
        }
        const both = ["a", "b"].map((name) => encode(path, tokenizer, join(folder, name), 1));
        apart.push((await Promise.all(both)).reduce((sum, work) => sum + speedOf(work), 0));
        for (const name of ["a", "b"]) rmSync(join(folder, name), { recursive: true });
      }
    } finally {
      rmSync(folder, { recursive: true });
    }
    if (digests.size !== 1) throw new Error("one thread and two write different shards");
    const speed = (threads: 1 | 2) => median(works[threads].map(speedOf));
    const cpu = (threads: 1 | 2) => median(works[threads].map(({ cpuSeconds }) => cpuSeconds)).toFixed(2);
    const { bytes = 0, documents = 0 } = works[1][0] ?? {};
    report(
      row({
        bench: "encoding-threads",
        job: `${(bytes / 1e6).toFixed(1)} MB in ${documents} documents, ${vocabSize} tokens, to shards`,
        value: speed(2),
        unit: "MB/s",
        peer: "one thread instead of two",
        peerValue: speed(1),
        note: `${cpu(2)} s of CPU time, one thread ${cpu(1)}`,
      }),
    );
    report(
      row({
        bench: "encoding-threads",
        job: "the same on two threads",
        value: speed(2),
        unit: "MB/s",
        peer: "two processes at once, each with all of the text",
        peerValue: median(apart),
      }),
    );
    if (speed(2) < bar * speed(1)) throw new Error(`two threads are to be ${bar} times as fast as one`);
  },
};

const speedOf = ({ bytes, seconds }: EncodingWork): number => bytes / 1e6 / seconds;

async function encode(
  text: string,
  tokenizer: string,
  folder: string,
  threads: 1 | 2,
): Promise<EncodingWork> {
  const script = fileURLToPath(new URL("encoding-work.mjs", import.meta.url));
  const { stdout } = await execa(process.execPath, [script, text, tokenizer, folder, String(threads)]);
  return JSON.parse(stdout) as EncodingWork;
}

/** Trained on the beginning of the text. */
async function trainedTokenizer(path: string): Promise<string> {
  const lines: string[] = [];
  let characters = 0;
  for await (const line of createInterface({ input: createReadStream(path) })) {
    lines.push(line);
    if ((characters += line.length) > 8e6) break;
  }
  const options = {
    vocabSize,
    minFrequency: 2,
    specialTokens,
    splitPattern: "gpt2",
    splitDigits: true,
  } as const;
  return formatTokenizerJson(await trainBpe(lines, options));
}

function digestOf(folder: string): string {
  const hash = createHash("sha256");
  for (const name of readdirSync(folder).sort()) hash.update(readFileSync(join(folder, name)));
  return hash.digest("hex");
}
