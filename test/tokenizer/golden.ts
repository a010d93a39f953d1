/** Reads test/golden/tokenizer: values made by Hugging Face `tokenizers` (see test/golden/generate/tokenizer.py). */
import { readFileSync } from "node:fs";

export const specialTokens = ["<|endoftext|>", "<|im_start|>", "<|im_end|>"];

export function readGolden(name: string): string {
  return readFileSync(new URL(`../golden/tokenizer/${name}`, import.meta.url), "utf8");
}

export function readGoldenJson(name: string): unknown {
  return JSON.parse(readGolden(name));
}

/** The texts that the golden tokenizers were trained on. */
export function readCorpus(): string[] {
  const lines = readGolden("corpus.jsonl").trimEnd().split("\n");
  return lines.map((line) => (JSON.parse(line) as { text: string }).text);
}
