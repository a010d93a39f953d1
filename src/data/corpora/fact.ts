/**
 * A fact is what conversations, preference pairs and questions are built from: a subject, a relation and the one
 * true answer, taken from a real source. How it is phrased is the business of templates.
 */
import { hashToUnit } from "../documents/split.ts";
import type { Language } from "../records.ts";

export type Relation =
  | "chinese-to-english"
  | "english-to-chinese"
  | "definition"
  | "capital"
  | "capital-zh"
  | "continent"
  | "continent-zh"
  | "currency"
  | "country-name-zh"
  | "next-line"
  | "saying"
  | "api-field";

export interface Fact {
  readonly relation: Relation;
  /** What identifies it: first the subject itself, then whatever else would give the answer away. */
  readonly keys: readonly [string, ...string[]];
  readonly subject: string;
  readonly answer: string;
  /** Named in the question where the subject alone is not enough, e.g. the poem's author. */
  readonly context?: string;
  /** Facts of one group are each other's near misses. */
  readonly group: string;
  /** The answer, or as good as it, in the language that was not asked for. */
  readonly otherLanguage?: string;
  readonly language: Language;
  readonly source: string;
}

/** Whether a key (a word, a country, a line, a field) is kept for questions; asked before any text is built. */
export type IsReserved = (key: string) => boolean;

export function reserveKeys(seed: number, fraction: number): IsReserved {
  return (key) => hashToUnit(`reserve:${seed}`, key.normalize("NFKC").toLowerCase()) < fraction;
}

/**
 * Questions are asked about facts whose subject is reserved; text is built from facts none of whose keys is. What
 * is between (a free subject with a reserved answer) is used for neither.
 */
export function sideOf(fact: Fact, isReserved: IsReserved): "question" | "text" | "neither" {
  if (isReserved(fact.keys[0])) return "question";
  return fact.keys.some(isReserved) ? "neither" : "text";
}
