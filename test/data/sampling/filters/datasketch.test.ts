/** MinHash and its bands beside datasketch's on the same documents: the same shingles, and estimates and pairs as good. */
import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { nearDuplicateParams } from "../../../../src/data/sampling/filters/near-duplicates.ts";
import { readCorpus } from "../../../tokenizer/golden.ts";
import { compareTexts, estimateErrors, expectedCandidates, type Comparison } from "./minhash-accuracy.ts";

interface Golden extends Comparison {
  readonly bands: number;
  readonly rows: number;
  readonly shingle: number;
  /** Less similar pairs are left out. */
  readonly least: number;
  /** [from, to) in characters of the corpus. */
  readonly documents: readonly (readonly [from: number, to: number])[];
}

const path = new URL("../../../golden/near-duplicates.json", import.meta.url);
const golden = JSON.parse(readFileSync(path, "utf8")) as Golden;
const { bands, rows, shingle, least } = golden;
const permutations = bands * rows;
// In characters as Python counts them.
const corpus = Array.from(readCorpus().join("\n"));
const texts = golden.documents.map(([from, to]) => corpus.slice(from, to).join(""));
const ours = compareTexts(texts, nearDuplicateParams.parse({ bands, rows, shingle }));
const similar = ours.pairs.filter(([, , similarity]) => similarity >= least);
const name = ([i, j]: readonly [number, number, ...unknown[]]): string => `${i} ${j}`;

test("similarities are those that datasketch's shingles have, pair by pair", () => {
  const theirs = new Map(golden.pairs.map((pair) => [name(pair), pair[2]]));
  expect(theirs.size).toBeGreaterThan(150);
  expect(similar.map(name).sort()).toEqual([...theirs.keys()].sort());
  for (const pair of similar) expect(pair[2]).toBeCloseTo(theirs.get(name(pair)) ?? NaN, 11);
});

test("estimates are without bias and within the deviation of so many permutations, as datasketch's are", () => {
  const [mine, theirs] = [estimateErrors(similar, permutations), estimateErrors(golden.pairs, permutations)];
  // One is what theory says; pairs that share a document do not err independently.
  for (const { mean, rootMeanSquare, largest } of [mine, theirs]) {
    expect(Math.abs(mean)).toBeLessThan(0.5);
    expect(rootMeanSquare).toBeGreaterThan(0.7);
    expect(rootMeanSquare).toBeLessThan(1.3);
    expect(largest).toBeLessThan(4.5);
  }
});

test("pairs that the bands find are as many as their similarities promise, and those of datasketch where it is sure", () => {
  const { count, deviation } = expectedCandidates(ours.pairs, golden);
  const chance = new Map(similar.map((pair) => [name(pair), 1 - (1 - pair[2] ** rows) ** bands]));
  const [mine, theirs] = [ours, golden].map(({ candidates }) => new Set(candidates.map(name)));
  if (mine === undefined || theirs === undefined) throw new Error("two sets");
  for (const found of [mine, theirs]) {
    expect(Math.abs(found.size - count)).toBeLessThan(4 * deviation);
    for (const [pair, p] of chance) if (p > 0.9999) expect(found, pair).toContain(pair);
    for (const pair of found) expect(chance.get(pair) ?? 0, pair).toBeGreaterThan(0.001);
  }
  // Two independent draws with chance p differ with chance 2p(1-p).
  const differing =
    [...mine].filter((pair) => !theirs.has(pair)).length +
    [...theirs].filter((pair) => !mine.has(pair)).length;
  const expected = 2 * deviation ** 2;
  expect(differing).toBeLessThan(expected + 4 * Math.sqrt(expected));
});
