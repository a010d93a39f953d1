/**
 * Decides which documents a mix takes and in what order: pure, over an index of the documents, so that memory grows
 * with documents and not with tokens. Held-out documents are chosen by the hash of their text alone.
 */
import { userError } from "../../errors.ts";
import type { Random } from "../random.ts";
import { isHeldOut } from "./document-hash.ts";
import { entryNumbers } from "./shard-format.ts";
import type { Stratum } from "./shard-manifest.ts";

/** A share of the training tokens; without a category, for what the language has and no other rule names. */
export interface MixRule {
  readonly language: string;
  readonly category?: string;
  /** Relative to the other rules'; 0 leaves the documents out. */
  readonly weight: number;
}

export interface MixOptions {
  /** Share of the hash range that is held out, at least 0 and under 1. */
  readonly validationFraction: number;
  /** Without rules, everything is taken. */
  readonly rules?: readonly MixRule[];
  /** Training tokens to share out by weight. Default: as many as the scarcest rule can fill. */
  readonly trainTokens?: number;
}

/** All documents, by number: where they are and what they belong to. */
export interface DocumentIndex {
  readonly size: number;
  readonly firstTokens: Float64Array;
  /** `entryNumbers` a document, as in the shards. */
  readonly entries: Uint32Array;
  readonly strata: readonly Stratum[];
}

/** What became of one rule, in training tokens with separators. */
export interface MixShare {
  readonly language: string;
  readonly category: string | null;
  readonly weight: number;
  readonly available: number;
  readonly asked: number;
  /** Up to one document more than asked, or less where there was not enough. */
  readonly got: number;
}

export interface MixPlan {
  /** Numbers of documents, in the order in which they are written. */
  readonly train: Uint32Array;
  readonly validation: Uint32Array;
  readonly shares: readonly MixShare[];
  /** Documents that no split takes, by reason. */
  readonly dropped: { readonly noRule: number; readonly weightZero: number; readonly overQuota: number };
}

/** Throws MIX_OPTIONS for numbers that cannot work, MIX_EMPTY if a rule with weight finds no training document. */
export function planMix(index: DocumentIndex, options: MixOptions, random: Random): MixPlan {
  checkOptions(options);
  const rules = options.rules ?? everything(index.strata);
  const ruleOfStratum = index.strata.map((stratum) => findRule(stratum, rules));
  const numberAt = (document: number, field: number) =>
    index.entries[document * entryNumbers + field] as number;
  const tokensOf = (document: number) => numberAt(document, 0) + 1; // with its separator

  const validation: number[] = [];
  const candidates: number[][] = rules.map(() => []);
  const dropped = { noRule: 0, weightZero: 0, overQuota: 0 };
  for (let document = 0; document < index.size; document++) {
    const rule = ruleOfStratum[numberAt(document, 4)] ?? -1;
    if (rule < 0) dropped.noRule++;
    else if (rules[rule]?.weight === 0) dropped.weightZero++;
    else if (isHeldOut([numberAt(document, 2), numberAt(document, 3)], options.validationFraction)) {
      validation.push(document);
    } else candidates[rule]?.push(document);
  }

  const available = candidates.map((documents) =>
    documents.reduce((sum, document) => sum + tokensOf(document), 0),
  );
  const asked = options.rules === undefined ? available : quotas(rules, available, options.trainTokens);
  const train: number[] = [];
  const shares = rules.map((rule, at): MixShare => {
    const documents = candidates[at] ?? [];
    const quota = asked[at] ?? 0;
    let got = 0;
    // A uniform sample of the rule's documents, never their first ones: corpora are sorted.
    for (const document of random.fork(`sample:${at}`).shuffle(Uint32Array.from(documents))) {
      if (got >= quota) {
        dropped.overQuota++;
        continue;
      }
      train.push(document);
      got += tokensOf(document);
    }
    const { language, category = null, weight } = rule;
    return { language, category, weight, available: available[at] ?? 0, asked: quota, got };
  });
  return {
    // In the order of the corpus before shuffling, so that the seed alone decides.
    train: random.fork("train").shuffle(Uint32Array.from(train).sort()),
    validation: random.fork("validation").shuffle(Uint32Array.from(validation)),
    shares,
    dropped,
  };
}

function checkOptions({ validationFraction, rules, trainTokens }: MixOptions): void {
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

function everything(strata: readonly Stratum[]): MixRule[] {
  return [...new Set(strata.map(({ language }) => language))].map((language) => ({ language, weight: 1 }));
}

/** The rule of language and category, else of the language alone, else -1. */
function findRule({ language, category }: Stratum, rules: readonly MixRule[]): number {
  const exact = rules.findIndex((rule) => rule.language === language && rule.category === category);
  if (exact >= 0) return exact;
  return rules.findIndex((rule) => rule.language === language && rule.category === undefined);
}

function quotas(rules: readonly MixRule[], available: readonly number[], trainTokens?: number): number[] {
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
