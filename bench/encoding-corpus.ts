/** The bilingual text that encoding is measured on: the corpus of the last pipeline run, else a generated one. */
import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { CORPUS_FILES, readDocuments } from "../src/data/documents/dataset.ts";
import { createRandom, type Random } from "../src/data/random.ts";
import { formatTokenizerJson } from "../src/tokenizer/tokenizer-json.ts";
import { trainBpe } from "../src/tokenizer/train-bpe.ts";
import { specialTokens } from "../stages/special-tokens.ts";
import { generatedWords, zipf } from "./generated-text.ts";

const corpusFolder = "artifacts/download-sample/corpus";
const tokenizerFile = "artifacts/train-tokenizer/tokenizer/tokenizer.json";
const maxBytesPerLanguage = 8e6;
const trainingOptions = {
  vocabSize: 4096,
  minFrequency: 2,
  specialTokens,
  splitPattern: "gpt2",
  splitDigits: true,
} as const;

export interface EncodingCorpus {
  readonly texts: readonly string[];
  readonly bytes: number;
  /** What the texts are, for a row's `job`. */
  readonly description: string;
  readonly tokenizerJson: string;
}

export async function readEncodingCorpus(): Promise<EncodingCorpus> {
  const built = existsSync(join(corpusFolder, CORPUS_FILES.train));
  const texts = built ? await readCorpus() : generateTexts(createRandom("encoding benchmark"));
  const trained = built && existsSync(tokenizerFile);
  const tokenizerJson = trained
    ? await readFile(tokenizerFile, "utf8")
    : formatTokenizerJson(await trainBpe(texts, trainingOptions));
  const bytes = texts.reduce((sum, text) => sum + Buffer.byteLength(text), 0);
  const kind = built ? "the pipeline's English and Chinese corpus" : "generated bilingual text";
  return { texts, bytes, description: `${(bytes / 1e6).toFixed(1)} MB of ${kind}`, tokenizerJson };
}

/** Documents in the order of the file, of each language no more than its share. */
async function readCorpus(): Promise<string[]> {
  const texts: string[] = [];
  const bytes = new Map<string, number>();
  for await (const { text, language } of readDocuments(corpusFolder, "train")) {
    // The encoder reads these as plain text, the peer does not; documents never hold one but by accident.
    if (specialTokens.some((token) => text.includes(token))) continue;
    const before = bytes.get(language) ?? 0;
    if (before >= maxBytesPerLanguage) continue;
    bytes.set(language, before + Buffer.byteLength(text));
    texts.push(text);
  }
  return texts;
}

/** 2,000 documents, by turns of English-like words and of Chinese characters, both as unequal in frequency as words are. */
function generateTexts(random: Random): string[] {
  const words = generatedWords(random);
  const characters = Array.from({ length: 3000 }, (_, index) => String.fromCodePoint(0x4e00 + 7 * index));
  return Array.from({ length: 2000 }, (_, index) => {
    const [units, between, mark] = index % 2 === 0 ? [words, " ", ". "] : [characters, "", "。"];
    const sentence = () => Array.from({ length: 14 }, () => zipf(units, random)).join(between);
    return Array.from({ length: 30 }, () => sentence() + mark).join("");
  });
}
