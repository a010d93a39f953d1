/**
 * Real text of both languages to train a tokenizer on, written to a file: what the pipeline's npm corpora hold and, for
 * more than that, the Song poems behind them, whole documents in a seeded order. The versions of the packages are
 * pinned, so one size is always one text.
 */
import { createWriteStream, existsSync, mkdirSync, renameSync } from "node:fs";
import { join } from "node:path";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { z } from "zod";
import { openDefaultCorpora } from "../src/data/corpora/default-corpora.ts";
import { openNamedSource } from "../src/data/peek/open-named-source.ts";
import { createRandom } from "../src/data/random.ts";
import { readText } from "../src/data/sources/source.ts";

const folder = "cache/bench";
const downloads = "cache/downloads";
const poems = z.array(z.object({ paragraphs: z.array(z.string()) }));

/** Path of a file of `megabytes` million bytes, less than one document over. Throws where there is less text. */
export async function trainingText(megabytes: number): Promise<string> {
  const path = join(folder, `training-text-${megabytes}.txt`);
  if (existsSync(path)) return path;
  mkdirSync(folder, { recursive: true });
  mkdirSync(downloads, { recursive: true });
  const documents: string[] = [];
  let bytes = 0;
  const add = (text: string) => {
    documents.push(`${text}\n`);
    bytes += Buffer.byteLength(text) + 1;
  };
  const corpora = await openDefaultCorpora(() => false, { cacheDirectory: downloads });
  for await (const item of corpora.items()) if ("document" in item) add(item.document.text);
  if (bytes < megabytes * 1e6) for await (const poem of songPoems()) add(poem);
  if (bytes < megabytes * 1e6)
    throw new Error(`the packages hold ${(bytes / 1e6).toFixed(1)} MB of text, not ${megabytes}`);
  createRandom("tokenizer training").shuffle(documents);
  await pipeline(Readable.from(beginning(documents, megabytes * 1e6)), createWriteStream(`${path}.partial`));
  renameSync(`${path}.partial`, path);
  return path;
}

/** 254,000 of them, in traditional characters. */
async function* songPoems(): AsyncGenerator<string> {
  const source = await openNamedSource("npm:chinese-poetry@2.0.1", {
    environment: process.env,
    workingDirectory: ".",
  });
  for await (const file of source.files((path) => /^dist\/quantangshi\/poet\.song\.\d+\.json$/u.test(path)))
    for (const { paragraphs } of poems.parse(JSON.parse(await readText(file)))) yield paragraphs.join("\n");
}

function* beginning(texts: readonly string[], maxBytes: number): Generator<string> {
  let bytes = 0;
  for (const text of texts) {
    if (bytes >= maxBytes) return;
    yield text;
    bytes += Buffer.byteLength(text);
  }
}
