/**
 * Decides which documents a mix takes, in two passes over their index that keep 512 KiB a rule and nothing a document.
 * Held-out documents are chosen by the hash of their text alone; of the others, each rule takes those with the lowest
 * hash of seed and text: a uniform sample (never the first ones: corpora are sorted) that a larger quota extends and
 * that does not depend on the order of the corpus.
 */
import { mixBits } from "../../std/mix-bits.ts";
import { createRandom } from "../random.ts";
import { isHeldOut } from "./document-hash.ts";
import { KeySelection } from "./key-selection.ts";
import { checkMixOptions, everything, findRule, type MixOptions, quotas } from "./mix-rules.ts";
import type { DocumentBlock } from "./open-shards.ts";
import { entryNumbers } from "./shard-format.ts";
import type { Stratum } from "./shard-manifest.ts";

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

export type MixSide = "train" | "validation";

export interface MixPlan {
  /** Where the document at `entries[at]` goes, if anywhere. To be asked of every document once, in their order. */
  sideOf(entries: Uint32Array, at: number): MixSide | undefined;
  /** What was decided so far. */
  shares(): MixShare[];
  /** Documents that no split takes, by reason. */
  readonly dropped: { readonly noRule: number; readonly weightZero: number; readonly overQuota: number };
}

/**
 * `blocks` begins anew at the first document with every call. Throws MIX_OPTIONS for numbers that cannot work,
 * MIX_EMPTY if a rule with weight finds no training document.
 */
export async function planMix(
  blocks: () => AsyncIterable<DocumentBlock>,
  strata: readonly Stratum[],
  options: MixOptions,
): Promise<MixPlan> {
  checkMixOptions(options);
  const rules = options.rules ?? everything(strata);
  const ruleOfStratum = strata.map((stratum) => findRule(stratum, rules));
  const selections = rules.map(() => new KeySelection());
  const got = rules.map(() => 0);
  const dropped = { noRule: 0, weightZero: 0, overQuota: 0 };
  const sampling = createRandom(options.seed).fork("sample").nextUint32();

  const keyOf = (entries: Uint32Array, at: number): number =>
    mixBits(mixBits(sampling ^ (entries[at + 2] as number)) ^ (entries[at + 3] as number)) >>> 0;
  const tokensOf = (entries: Uint32Array, at: number) => (entries[at] as number) + 1; // with its separator
  const heldOut = (entries: Uint32Array, at: number): boolean =>
    isHeldOut([entries[at + 2] as number, entries[at + 3] as number], options.validationFraction);
  const ruleAt = (entries: Uint32Array, at: number) => ruleOfStratum[entries[at + 4] as number] ?? -1;

  const countTraining = async (): Promise<void> => {
    for await (const { entries } of blocks())
      for (let at = 0; at < entries.length; at += entryNumbers) {
        const rule = ruleAt(entries, at);
        if (rule < 0 || rules[rule]?.weight === 0 || heldOut(entries, at)) continue;
        selections[rule]?.count(keyOf(entries, at), tokensOf(entries, at));
      }
  };
  await countTraining();
  const available = selections.map((selection) => selection.available);
  const asked = options.rules === undefined ? available : quotas(rules, available, options.trainTokens);
  for (const [rule, selection] of selections.entries()) selection.setQuota(asked[rule] ?? 0);
  await countTraining();

  return {
    sideOf(entries, at) {
      const rule = ruleAt(entries, at);
      if (rule < 0) dropped.noRule++;
      else if (rules[rule]?.weight === 0) dropped.weightZero++;
      else if (heldOut(entries, at)) return "validation";
      else if (selections[rule]?.take(keyOf(entries, at), tokensOf(entries, at)) === true) {
        got[rule] = (got[rule] ?? 0) + tokensOf(entries, at);
        return "train";
      } else dropped.overQuota++;
      return undefined;
    },
    shares: () =>
      rules.map(({ language, category = null, weight }, rule) => ({
        language,
        category,
        weight,
        available: available[rule] ?? 0,
        asked: asked[rule] ?? 0,
        got: got[rule] ?? 0,
      })),
    dropped,
  };
}
