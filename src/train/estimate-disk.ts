/** What a recipe puts on the disk, from its characters: text, tokens, checkpoints and models. */
import { mixedBytes, mixingBytes, tokenizedBytes } from "../data/shards/disk-need.ts";
import { bytesPerTokenFor } from "../data/shards/shard-format.ts";

/** In the recipe, all sources together. */
export interface CorpusSize {
  /** Characters of text for pretraining. */
  readonly characters: { readonly en: number; readonly zh: number };
  readonly documents: number;
  /** Bytes of conversations, preference pairs and questions. */
  readonly recordBytes: number;
  /** Bytes that are fetched and kept: packages, and parts of remote files. */
  readonly downloadBytes: number;
}

export interface DiskOptions extends CorpusSize {
  readonly parameters: number;
  readonly vocabSize: number;
  readonly keepCheckpoints: number;
}

/** Bytes. */
export interface DiskEstimate {
  readonly downloads: number;
  readonly corpus: number;
  /** Estimated, of the whole corpus. */
  readonly tokens: number;
  /** Tokenized documents, and the shards mixed from them. */
  readonly shards: number;
  /** What `shard` needs beside them while it runs. */
  readonly mixing: number;
  /** Weights and moments of each that is kept, and of the one that is being written. */
  readonly checkpoints: number;
  /** Finished models: base, fine-tuned and aligned. */
  readonly models: number;
  readonly bundle: number;
  /** At the fullest moment: while `shard` runs, or in the end. */
  readonly total: number;
}

/** UTF-8 of a character: Chinese text with its digits and marks in ASCII was measured at 2.7. */
export const bytesPerCharacter = { en: 1, zh: 2.7 } as const;
/** Of a record's field names, id and category. */
const recordOverhead = 1.05;
const bytesPerParameter = 4;
const trainedModels = 3;

/** Measured with this project's tokenizers on its corpora at 4,096, and taken from the reference recipe at 20,000. */
const compression = [
  { vocabSize: 4_096, en: 3.14, zh: 1.15 },
  { vocabSize: 20_000, en: 4.5, zh: 1.5 },
] as const;

/** Characters of a token, which grow with the logarithm of the vocabulary. */
export function charactersPerToken(vocabSize: number): { readonly en: number; readonly zh: number } {
  const [small, large] = compression;
  const place = Math.log(vocabSize / small.vocabSize) / Math.log(large.vocabSize / small.vocabSize);
  const between = (language: "en" | "zh") =>
    Math.max(1, small[language] + place * (large[language] - small[language]));
  return { en: between("en"), zh: between("zh") };
}

export function estimateDisk(options: DiskOptions): DiskEstimate {
  const { characters, recordBytes, parameters, vocabSize } = options;
  const text = characters.en * bytesPerCharacter.en + characters.zh * bytesPerCharacter.zh;
  const perToken = charactersPerToken(vocabSize);
  const tokens = Math.round(characters.en / perToken.en + characters.zh / perToken.zh);
  const model = parameters * bytesPerParameter;
  const totals = { documents: options.documents, tokens };
  const width = bytesPerTokenFor(vocabSize);
  const data = {
    downloads: options.downloadBytes,
    corpus: Math.round(text * recordOverhead + recordBytes),
    shards: tokenizedBytes(totals, width) + mixedBytes(totals, width),
  };
  const mixing = mixingBytes(totals, width) - mixedBytes(totals, width);
  const models = {
    checkpoints: 3 * model * (options.keepCheckpoints + 1),
    models: trainedModels * model,
    bundle: model,
  };
  return { ...data, mixing, ...models, tokens, total: sum(data) + Math.max(mixing, sum(models)) };
}

const sum = (sizes: Readonly<Record<string, number>>): number =>
  Object.values(sizes).reduce((total, size) => total + size, 0);
