/**
 * Text that gives an evaluation away: a document that shares an n-gram with what the pipeline is measured on (Brown et al.
 * 2020, "Language Models are Few-Shot Learners", appendix C: 13 words, letter case and punctuation aside). There the
 * neighbourhood of the n-gram is cut out; here the document is left out whole.
 */
import { z } from "zod";
import { DigestSet } from "../../documents/digest-set.ts";
import { normalizeText } from "../../documents/split.ts";
import { extendHash, finalize, textUnits, type TextUnits } from "../../documents/text-units.ts";
import type { Language, PreferencePair, Question } from "../../records.ts";

export const decontaminationParams = z
  .strictObject({
    words: z.int().min(4).max(50).default(13).describe("Length of an n-gram in English text."),
    characters: z
      .int()
      .min(4)
      .max(100)
      .default(20)
      .describe("The same in Chinese text: 13 words are about 20 characters."),
    minimum: z
      .number()
      .min(0.1)
      .max(1)
      .default(0.6)
      .describe("What is shorter than an n-gram is looked for whole if it has this share of its length."),
    heldOutPreferences: z
      .number()
      .min(0)
      .max(1)
      .default(0.1)
      .describe("Share of preference pairs that DPO holds out: dpo.heldOutFraction."),
  })
  .describe("Leaves out text that shares an n-gram with questions or held-out preference pairs.");

export type DecontaminationParams = z.infer<typeof decontaminationParams>;

/** Memory: at most 43 bytes for each n-gram of the evaluation text. */
export class Decontamination {
  readonly #params: DecontaminationParams;
  readonly #evaluation: Readonly<Record<Language, EvaluationGrams>>;
  texts = 0;
  /** Evaluation texts that are too short to be looked for. */
  tooShort = 0;

  constructor(params: DecontaminationParams) {
    this.#params = params;
    this.#evaluation = { en: this.#gramsOf(params.words), zh: this.#gramsOf(params.characters) };
  }

  #gramsOf(full: number): EvaluationGrams {
    const least = Math.ceil(full * this.#params.minimum);
    return { full, least, beginnings: new DigestSet(), byLength: new Map() };
  }

  /** Prompt and true answer: wrong answers may be true of something else. */
  addQuestion({ prompt, choices, answer, language }: Question): void {
    this.#add([...prompt.map(({ content }) => content), choices[answer] ?? ""].join("\n"), language);
  }

  addPreference({ prompt, chosen, rejected, language }: PreferencePair): void {
    for (const text of [...prompt.map(({ content }) => content), chosen, rejected]) this.#add(text, language);
  }

  #add(text: string, language: Language): void {
    const units = textUnits(normalizeText(text));
    const { full, least, beginnings, byLength } = this.#evaluation[language];
    this.texts++;
    if (units.count < least) {
      this.tooShort++;
      return;
    }
    const length = Math.min(full, units.count);
    const grams = byLength.get(length) ?? new DigestSet();
    byLength.set(length, grams);
    for (let at = 0; at + length <= units.count; at++) {
      beginnings.addWords(beginningHash(units, at, least), 0);
      grams.addWords(...gramHash(units, at, length));
    }
  }

  /** Whether a document holds an n-gram of the evaluation text of its language. */
  matches(units: TextUnits, language: Language): boolean {
    const { least, beginnings, byLength } = this.#evaluation[language];
    for (let at = 0; at + least <= units.count; at++) {
      if (!beginnings.hasWords(beginningHash(units, at, least), 0)) continue;
      for (const [length, grams] of byLength) {
        if (at + length <= units.count && grams.hasWords(...gramHash(units, at, length))) return true;
      }
    }
    return false;
  }
}

interface EvaluationGrams {
  /** Units of an n-gram, and of the shortest text that is looked for whole. */
  readonly full: number;
  readonly least: number;
  /** The first `least` units of every n-gram: most places of a document are passed over for one look at this. */
  readonly beginnings: DigestSet;
  readonly byLength: Map<number, DigestSet>;
}

function beginningHash({ hashes }: TextUnits, at: number, length: number): number {
  let hash = 0;
  for (let unit = at; unit < at + length; unit++) hash = extendHash(hash, hashes[unit] ?? 0);
  return finalize(hash);
}

/** 64 bits: a stream of 10 billion n-grams against a million is expected to collide 0.0005 times. */
function gramHash({ hashes }: TextUnits, at: number, length: number): readonly [number, number] {
  let high = 1;
  let low = 2;
  for (let unit = at; unit < at + length; unit++) {
    const hash = hashes[unit] ?? 0;
    high = extendHash(high, hash);
    low = extendHash(low, Math.imul(hash, 0x85ebca6b));
  }
  return [finalize(high), finalize(low)];
}
