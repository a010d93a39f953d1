/** A small bilingual corpus and its tokenizer, in a folder that goes away with the test. */
import { createHash } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { onTestFinished } from "vitest";
import type { DataDocument } from "../../../src/data/records.ts";
import { createEncoder } from "../../../src/tokenizer/encoder.ts";
import { parseTokenizerJson } from "../../../src/tokenizer/tokenizer-json.ts";
import { readCorpus, readGolden } from "../../tokenizer/golden.ts";

const tokenizerJson = readGolden("tokenizer-800.json");
export const encoder = createEncoder(parseTokenizerJson(tokenizerJson));
export const tokenizerDigest = createHash("sha256").update(tokenizerJson).digest("hex");
export const endOfText = encoder.specialTokenId("<|endoftext|>");

/** 900 lines as documents: Chinese or English, in two categories. */
export const documents: readonly DataDocument[] = readCorpus()
  .flatMap((text) => text.split("\n"))
  .map((line, at) => ({
    text: `${line} ${at}`,
    language: /[\u4e00-\u9fff]/.test(line) ? "zh" : "en",
    source: "golden",
    category: at % 3 === 0 ? "news" : "sports",
  }));

export function temporaryFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), "shards-"));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}
