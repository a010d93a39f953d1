/** How far estimates of similarities and pairs that banding finds are from what theory says of them. Not a test. */
import { normalizeText } from "../../../../src/data/documents/split.ts";
import { textUnits, type TextUnits } from "../../../../src/data/documents/text-units.ts";
import {
  MinHasher,
  type NearDuplicateParams,
} from "../../../../src/data/sampling/filters/near-duplicates.ts";

/** Two documents with their Jaccard similarity and an estimate of it. */
export type ComparedPair = readonly [i: number, j: number, similarity: number, estimate: number];

export interface Comparison {
  readonly pairs: readonly ComparedPair[];
  /** Documents that have all rows of a band in common. */
  readonly candidates: readonly (readonly [i: number, j: number])[];
}

/** All pairs with a shingle in common, by this project's units, shingles, MinHash and bands. */
export function compareTexts(texts: readonly string[], params: NearDuplicateParams): Comparison {
  const hasher = new MinHasher(params);
  const documents = texts.map((text) => {
    const units = textUnits(normalizeText(text));
    return {
      shingles: shinglesOf(units, params.shingle),
      signature: hasher.signature(units)?.slice() ?? new Int32Array(),
      keys: hasher.bandKeys(units) ?? new Uint32Array(),
    };
  });
  const pairs: ComparedPair[] = [];
  const candidates: [number, number][] = [];
  for (const [j, two] of documents.entries())
    for (const [i, one] of documents.slice(0, j).entries()) {
      const common = [...one.shingles].filter((shingle) => two.shingles.has(shingle)).length;
      if (common > 0) {
        const similarity = common / (one.shingles.size + two.shingles.size - common);
        pairs.push([i, j, similarity, agreement(one.signature, two.signature)]);
      }
      for (let at = 0; at < one.keys.length; at += 2)
        if (one.keys[at] === two.keys[at] && one.keys[at + 1] === two.keys[at + 1]) {
          candidates.push([i, j]);
          break;
        }
    }
  return { pairs, candidates };
}

function shinglesOf({ count, hashes }: TextUnits, size: number): Set<string> {
  const all = Array.from({ length: Math.max(0, count - size + 1) }, (_, at) =>
    hashes.subarray(at, at + size).join(" "),
  );
  return new Set(all);
}

const agreement = (one: Int32Array, two: Int32Array): number =>
  one.filter((value, index) => value === two[index]).length / one.length;

/** Mean and root mean square of the estimates' errors, in deviations √(s(1-s)/k) of k permutations. */
export function estimateErrors(
  pairs: readonly ComparedPair[],
  permutations: number,
): { readonly mean: number; readonly rootMeanSquare: number; readonly largest: number } {
  const errors = pairs.flatMap(([, , s, estimate]) =>
    s > 0 && s < 1 ? [(estimate - s) / Math.sqrt((s * (1 - s)) / permutations)] : [],
  );
  const mean = (values: readonly number[]): number =>
    values.reduce((sum, value) => sum + value, 0) / values.length;
  return {
    mean: mean(errors),
    rootMeanSquare: Math.sqrt(mean(errors.map((error) => error ** 2))),
    largest: Math.max(...errors.map(Math.abs)),
  };
}

/** Pairs that banding is to find, and the deviation of their number. */
export function expectedCandidates(
  pairs: readonly ComparedPair[],
  { bands, rows }: Pick<NearDuplicateParams, "bands" | "rows">,
): { readonly count: number; readonly deviation: number } {
  const chances = pairs.map(([, , s]) => 1 - (1 - s ** rows) ** bands);
  const sum = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0);
  return { count: sum(chances), deviation: Math.sqrt(sum(chances.map((p) => p * (1 - p)))) };
}
