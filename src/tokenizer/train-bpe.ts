/**
 * Byte-level BPE training (Sennrich, Haddow and Birch, "Neural machine translation of rare words with subword units",
 * ACL 2016) with incremental pair counts. Gives the vocabulary and merges of Hugging Face's BpeTrainer (tokenizers
 * 0.23.2), ties and all. Reads texts as a stream; memory grows with the distinct pieces.
 */
import { setImmediate } from "node:timers/promises";
import { userError } from "../errors.ts";
import type { BpeModel } from "./bpe-model.ts";
import { byteCharacters } from "./byte-alphabet.ts";
import { countPieces } from "./count-pieces.ts";
import { PairCounts } from "./pair-counts.ts";
import { maxTokenId } from "./pair-queue.ts";
import type { PieceCounts } from "./piece-counter.ts";
import { createPieceEnd } from "./split-pieces.ts";
import type { SplitRule } from "./split-pattern.ts";
import { createTrainingWords } from "./training-words.ts";

export interface TrainBpeOptions extends SplitRule {
  /** Tokens in all: special tokens, 256 bytes, merges. Fewer come out where the texts hold no more pairs. */
  readonly vocabSize: number;
  /** A pair seen less often is not merged. */
  readonly minFrequency: number;
  /** Get the ids 0, 1, 2 … */
  readonly specialTokens: readonly string[];
  /** Threads that count pieces; the result is the same with any number of them (default: 1). */
  readonly workers?: number;
  readonly signal?: AbortSignal;
  /** Called every few hundred merges with the tokens made so far. */
  readonly onProgress?: (tokens: number) => void;
}

/** Throws TOKENIZER_OPTIONS for sizes or special tokens that cannot work, TOKENIZER_NO_TEXT for an empty corpus. */
export async function trainBpe(
  texts: AsyncIterable<string> | Iterable<string>,
  options: TrainBpeOptions,
): Promise<BpeModel> {
  checkOptions(options);
  const { specialTokens, vocabSize, minFrequency } = options;
  // Bytes follow the special tokens in the order of their characters' code points, as Hugging Face sorts an alphabet.
  const alphabet = [...byteCharacters].sort((a, b) => a.charCodeAt(0) - b.charCodeAt(0));
  const byteIds = byteCharacters.map((character) => specialTokens.length + alphabet.indexOf(character));
  // The table of pieces is not held on to: it takes as much memory as the words made of it.
  const words = createTrainingWords(await countText(texts, options), byteIds, vocabSize);
  const pairs = new PairCounts(words, Math.max(1, minFrequency));
  pairs.countAll();
  return mergePairs(pairs, [...specialTokens, ...alphabet], options);
}

async function countText(
  texts: AsyncIterable<string> | Iterable<string>,
  options: TrainBpeOptions,
): Promise<PieceCounts> {
  const counts = await countPieces(texts, options, options.workers);
  if (counts.pieces.size > 0) return counts;
  throw userError(
    "TOKENIZER_NO_TEXT",
    `There is no text to train a tokenizer on (${counts.texts} texts, all empty).`,
    "Look at the sources of the corpus and at what their filters dropped.",
  );
}

function checkOptions(options: TrainBpeOptions): void {
  const { vocabSize, minFrequency, specialTokens } = options;
  const fail = (message: string) => userError("TOKENIZER_OPTIONS", message, "Change the tokenizer's params.");
  const smallest = 256 + specialTokens.length;
  if (!Number.isInteger(vocabSize) || vocabSize < smallest || vocabSize > maxTokenId) {
    throw fail(
      `vocabSize must be an integer from ${smallest} (256 bytes and ${specialTokens.length} special tokens) ` +
        `to ${maxTokenId}, not ${vocabSize}.`,
    );
  }
  if (!Number.isInteger(minFrequency) || minFrequency < 0) {
    throw fail(`minFrequency must be a whole number, not ${minFrequency}.`);
  }
  if (new Set(specialTokens).size !== specialTokens.length) throw fail("A special token is listed twice.");
  const pieceEnd = createPieceEnd(options);
  for (const token of specialTokens) {
    // A special token that is one piece could also be learned from text, and text would then be encoded as it.
    if (token === "" || pieceEnd(token, 0) === token.length) {
      throw fail(`The special token ${JSON.stringify(token)} is a single word; write it like <|${token}|>.`);
    }
  }
}

/** `tokens`: those that are there before the first merge; the others are appended. */
async function mergePairs(pairs: PairCounts, tokens: string[], options: TrainBpeOptions): Promise<BpeModel> {
  const { vocabSize, minFrequency, specialTokens, splitPattern, splitDigits } = options;
  const merges: [number, number, number][] = [];
  const { queue } = pairs;
  while (tokens.length < vocabSize && queue.size > 0) {
    const first = queue.topFirst;
    const second = queue.topSecond;
    const count = pairs.count(first, second);
    if (queue.topCount !== count) {
      queue.refreshTop(count);
      continue;
    }
    if (count < Math.max(1, minFrequency)) break;

    // Always a new token: nothing crosses its borders here, so its inside was merged as everywhere else, and no
    // other pair can spell it.
    const merged = tokens.length;
    tokens.push((tokens[first] ?? "") + (tokens[second] ?? ""));
    merges.push([first, second, merged]);
    pairs.merge(first, second, merged);

    if (merges.length % 256 === 0) {
      options.onProgress?.(tokens.length);
      await setImmediate();
      options.signal?.throwIfAborted();
    }
  }
  return {
    tokens,
    merges,
    specialTokens: specialTokens.map((content, id) => ({ id, content })),
    textTokens: [],
    composed: false,
    splitPattern,
    splitDigits,
  };
}
