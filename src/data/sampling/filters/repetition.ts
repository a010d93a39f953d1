/**
 * Repetition within a document, by the rules of MassiveText (Rae et al. 2021, "Scaling Language Models: Methods, Analysis
 * & Insights from Training Gopher", A.1.1 and Table A1). Their n-grams are of words; a Chinese word is counted as two
 * characters, so that n words are 2n characters there.
 */
import { z } from "zod";
import { extendHash, finalize, type TextUnits } from "../../documents/text-units.ts";
import type { Language } from "../../records.ts";

const share = z.number().min(0).max(1);

/** The defaults are those of Table A1. */
export const repetitionParams = z
  .strictObject({
    duplicateLines: share.default(0.3).describe("Share of lines that occurred before."),
    duplicateParagraphs: share.default(0.3).describe("Share of paragraphs that occurred before."),
    duplicateLineCharacters: share.default(0.2).describe("Share of characters in such lines."),
    duplicateParagraphCharacters: share.default(0.2).describe("Share of characters in such paragraphs."),
    topNgrams: z
      .array(share)
      .max(9)
      .default([0.2, 0.18, 0.16])
      .describe("Share of characters in the n-gram that takes most, for n = 2, 3, 4 words."),
    duplicateNgrams: z
      .array(share)
      .max(9)
      .default([0.15, 0.14, 0.13, 0.12, 0.11, 0.1])
      .describe("Share of characters in n-grams that occurred before, for n = 5 to 10 words."),
  })
  .describe("Largest shares that are kept; those not named are MassiveText's.");

export type RepetitionParams = z.infer<typeof repetitionParams>;

const FIRST_TOP = 2;
const FIRST_DUPLICATE = 5;
const UNITS_PER_WORD: Readonly<Record<Language, number>> = { en: 1, zh: 2 };

/** The first rule that the text breaks, or undefined. `units` are those of the normalised text. */
export function repetitionFault(
  text: string,
  units: TextUnits,
  language: Language,
  limits: RepetitionParams,
): string | undefined {
  const paragraphs = repeatedParts(text.split(/\n\s*\n/u));
  if (paragraphs.parts > limits.duplicateParagraphs) return "repeated paragraphs";
  if (paragraphs.characters > limits.duplicateParagraphCharacters) return "repeated paragraphs";
  const lines = repeatedParts(text.split("\n"));
  if (lines.parts > limits.duplicateLines) return "repeated lines";
  if (lines.characters > limits.duplicateLineCharacters) return "repeated lines";
  return ngramFault(units, UNITS_PER_WORD[language], limits);
}

/** Shares of parts, and of their characters, that had occurred before in the same text. Empty parts do not count. */
export function repeatedParts(all: readonly string[]): {
  readonly parts: number;
  readonly characters: number;
} {
  const seen = new Set<string>();
  let parts = 0;
  let characters = 0;
  let repeated = 0;
  let repeatedCharacters = 0;
  for (const one of all) {
    const part = one.trim();
    if (part === "") continue;
    parts++;
    characters += part.length;
    if (!seen.has(part)) {
      seen.add(part);
      continue;
    }
    repeated++;
    repeatedCharacters += part.length;
  }
  return parts === 0
    ? { parts: 0, characters: 0 }
    : { parts: repeated / parts, characters: repeatedCharacters / characters };
}

function ngramFault(units: TextUnits, unitsPerWord: number, limits: RepetitionParams): string | undefined {
  const grams = new GrowingNgrams(units);
  for (const [index, limit] of limits.topNgrams.entries()) {
    grams.grow((FIRST_TOP + index) * unitsPerWord);
    if (grams.topShare() > limit) return "frequent n-gram";
  }
  if (limits.topNgrams.length > FIRST_DUPLICATE - FIRST_TOP) grams.restart();
  for (const [index, limit] of limits.duplicateNgrams.entries()) {
    grams.grow((FIRST_DUPLICATE + index) * unitsPerWord);
    if (grams.repeatedShare() > limit) return "repeated n-grams";
  }
  return undefined;
}

/** Hashes of all n-grams of a text, made of those of the smaller n. */
export class GrowingNgrams {
  readonly #units: TextUnits;
  readonly #hashes: Uint32Array;
  readonly #characters: number;
  #n = 0;

  constructor(units: TextUnits) {
    this.#units = units;
    this.#hashes = new Uint32Array(units.count);
    this.#characters = units.lengths.reduce((sum, length) => sum + length, 0);
  }

  restart(): void {
    this.#hashes.fill(0);
    this.#n = 0;
  }

  /** `n` must not be smaller than before. */
  grow(n: number): void {
    const { hashes, count } = this.#units;
    for (; this.#n < n; this.#n++) {
      for (let at = 0; at + this.#n < count; at++) {
        this.#hashes[at] = extendHash(this.#hashes[at] ?? 0, hashes[at + this.#n] ?? 0);
      }
    }
  }

  /** Characters in all occurrences of the n-gram that takes most of them, over all characters; 0 where none occurs twice. */
  topShare(): number {
    const { lengths } = this.#units;
    let most = 0;
    this.#forEach((at, occurrence) => {
      if (occurrence === 1) return;
      let length = 0;
      for (let unit = at; unit < at + this.#n; unit++) length += lengths[unit] ?? 0;
      most = Math.max(most, length * occurrence);
    });
    // Occurrences may overlap: "a a a" holds "a a" twice.
    return this.#characters === 0 ? 0 : Math.min(1, most / this.#characters);
  }

  /** Characters in n-grams that occurred before, each counted once however many of those n-grams hold it. */
  repeatedShare(): number {
    const { lengths } = this.#units;
    let covered = 0;
    let repeated = 0;
    this.#forEach((at, occurrence) => {
      if (occurrence === 1) return;
      for (let unit = Math.max(at, covered); unit < at + this.#n; unit++) repeated += lengths[unit] ?? 0;
      covered = at + this.#n;
    });
    return this.#characters === 0 ? 0 : repeated / this.#characters;
  }

  /** In order, with how often each occurred up to there (from 1). Open addressing over 32-bit hashes. */
  #forEach(visit: (at: number, occurrence: number) => void): void {
    const grams = this.#units.count - this.#n + 1;
    if (grams < 2) return;
    const mask = 2 ** Math.ceil(Math.log2(grams * 2)) - 1;
    const slots = new Uint32Array((mask + 1) * 2); // hash, occurrences
    for (let at = 0; at < grams; at++) {
      const hash = finalize(this.#hashes[at] ?? 0);
      let slot = hash & mask;
      while (slots[slot * 2 + 1] !== 0 && slots[slot * 2] !== hash) slot = (slot + 1) & mask;
      slots[slot * 2] = hash;
      const occurrence = (slots[slot * 2 + 1] ?? 0) + 1;
      slots[slot * 2 + 1] = occurrence;
      visit(at, occurrence);
    }
  }
}
