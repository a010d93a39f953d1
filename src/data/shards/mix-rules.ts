/** What a mix asks for: rules with weights, and how many training tokens each gets. */
import { userError } from "../../errors.ts";
import type { Stratum } from "./shard-manifest.ts";

/** A share of the training tokens; without a category, for what the language has and no other rule names. */
export interface MixRule {
  readonly language: string;
  readonly category?: string;
  /** Relative to the other rules'; 0 leaves the documents out. */
  readonly weight: number;
}

export interface MixOptions {
  /** Decides which documents are taken and in what order they are written. */
  readonly seed: number;
  /** Share of the hash range that is held out, at least 0 and under 1. */
  readonly validationFraction: number;
  /** Without rules, everything is taken. */
  readonly rules?: readonly MixRule[];
  /** Training tokens to share out by weight. Default: as many as the scarcest rule can fill. */
  readonly trainTokens?: number;
}

/** Throws MIX_OPTIONS for numbers that cannot work. */
export function checkMixOptions({ validationFraction, rules, trainTokens }: MixOptions): void {
  const fail = (message: string) => userError("MIX_OPTIONS", message, "Change the shard stage's params.");
  if (!(validationFraction >= 0 && validationFraction < 1)) {
    throw fail(`validationFraction must be at least 0 and under 1, not ${validationFraction}.`);
  }
  if (trainTokens !== undefined && !(trainTokens > 0)) {
    throw fail(`trainTokens must be positive, not ${trainTokens}.`);
  }
  if (rules === undefined) {
    if (trainTokens !== undefined) throw fail("trainTokens shares out by weight: it needs a mix.");
    return;
  }
  const keys = rules.map(({ language, category }) => JSON.stringify([language, category]));
  const repeated = keys.find((key, at) => keys.indexOf(key) !== at);
  if (repeated !== undefined) throw fail(`The mix names ${repeated} twice.`);
  const wrong = rules.find(({ weight }) => !(weight >= 0 && Number.isFinite(weight)));
  if (wrong !== undefined)
    throw fail(`The weight of ${nameOf(wrong)} must be at least 0, not ${wrong.weight}.`);
  if (!rules.some(({ weight }) => weight > 0)) throw fail("The mix has no weight above 0.");
}

/** Every language as a whole. */
export function everything(strata: readonly Stratum[]): MixRule[] {
  return [...new Set(strata.map(({ language }) => language))].map((language) => ({ language, weight: 1 }));
}

/** The rule of language and category, else of the language alone, else -1. */
export function findRule({ language, category }: Stratum, rules: readonly MixRule[]): number {
  const exact = rules.findIndex((rule) => rule.language === language && rule.category === category);
  if (exact >= 0) return exact;
  return rules.findIndex((rule) => rule.language === language && rule.category === undefined);
}

/** Tokens for each rule. Throws MIX_EMPTY if a rule with weight finds nothing. */
export function quotas(
  rules: readonly MixRule[],
  available: readonly number[],
  trainTokens?: number,
): number[] {
  const totalWeight = rules.reduce((sum, { weight }) => sum + weight, 0);
  let total = trainTokens ?? Infinity;
  for (const [at, rule] of rules.entries()) {
    const tokens = available[at] ?? 0;
    if (rule.weight === 0) continue;
    if (tokens === 0) {
      throw userError(
        "MIX_EMPTY",
        `The mix gives ${nameOf(rule)} the weight ${rule.weight}, but the corpus has no training document of it.`,
        "Set its weight to 0, or add a source that has such documents.",
      );
    }
    if (trainTokens === undefined) total = Math.min(total, (tokens * totalWeight) / rule.weight);
  }
  return rules.map(({ weight }) => Math.floor((total * weight) / totalWeight));
}

function nameOf({ language, category }: MixRule): string {
  return category === undefined ? language : `${language}/${category}`;
}
