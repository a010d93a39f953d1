import { expect, test } from "vitest";
import { join } from "node:path";
import { contentDigest, normalizeText } from "../../../../src/data/documents/split.ts";
import { textUnits } from "../../../../src/data/documents/text-units.ts";
import { createRandom } from "../../../../src/data/random.ts";
import { GrowingBloomFilter } from "../../../../src/data/sampling/filters/bloom-filter.ts";
import { DocumentFilter, type Fingerprints } from "../../../../src/data/sampling/filters/document-filter.ts";
import { filterParams } from "../../../../src/data/sampling/filters/filter-params.ts";
import { FingerprintLog } from "../../../../src/data/sampling/filters/fingerprint-log.ts";
import { MinHasher, nearDuplicateParams } from "../../../../src/data/sampling/filters/near-duplicates.ts";
import { SeenDocuments } from "../../../../src/data/sampling/filters/seen-documents.ts";
import { collect } from "../../../../src/std/collect.ts";
import { temporaryDirectory } from "../../sources/temporary-directory.ts";

const params = nearDuplicateParams.parse({});
const keysOf = (hasher: MinHasher, text: string) => hasher.bandKeys(textUnits(normalizeText(text)));

/** Jaccard similarity of the sets of word n-grams, counted. */
function similarity(a: readonly string[], b: readonly string[], n: number): number {
  const grams = (words: readonly string[]) =>
    new Set(Array.from({ length: words.length - n + 1 }, (_, at) => words.slice(at, at + n).join(" ")));
  const [one, two] = [grams(a), grams(b)];
  const common = [...one].filter((gram) => two.has(gram)).length;
  return common / (one.size + two.size - common);
}

/** As an index has it, whose filters for a million documents are too much for one. */
const haveBandInCommon = (one: Uint32Array, two: Uint32Array): boolean =>
  one.some((high, at) => at % 2 === 0 && high === two[at] && one[at + 1] === two[at + 1]);

test("a pair is found with the chance that the banding promises for its similarity", () => {
  const hasher = new MinHasher(params);
  const random = createRandom("pairs");
  const word = (): string => `w${random.nextInt(1e6)}`;
  for (const changed of [2, 6, 12, 20, 35]) {
    let found = 0;
    let promised = 0;
    const pairs = 300;
    for (let pair = 0; pair < pairs; pair++) {
      const one = Array.from({ length: 200 }, word);
      const two = [...one];
      for (let change = 0; change < changed; change++) two[random.nextInt(200)] = word();
      const s = similarity(one, two, params.shingle);
      promised += 1 - (1 - s ** params.rows) ** params.bands;
      const [first, second] = [keysOf(hasher, one.join(" ")), keysOf(hasher, two.join(" "))];
      if (!first || !second) throw new Error("too short");
      if (haveBandInCommon(first, second)) found++;
    }
    // Five standard deviations of a binomial count, and a little for the spread of s.
    expect(Math.abs(found - promised)).toBeLessThan(5 * Math.sqrt(pairs / 4) * 0.6 + 3);
  }
});

test("an edited copy is a near-duplicate in either language; another text is not, nor one too short to compare", () => {
  const filter = new DocumentFilter(filterParams.parse({ nearDuplicates: {} }));
  const seen = new SeenDocuments(params);
  const examine = (text: string, language: "en" | "zh"): Fingerprints => {
    const examined = filter.examine({ text, language });
    if ("fault" in examined) throw new Error(examined.fault);
    return examined;
  };
  const english = Array.from({ length: 120 }, (_, i) => `word${(i * 7919) % 1000}`).join(" ");
  const chinese = Array.from({ length: 200 }, (_, i) =>
    String.fromCodePoint(0x4e00 + ((i * 7919) % 3000)),
  ).join("");
  seen.add(examine(english, "en"));
  seen.add(examine(chinese, "zh"));
  seen.add(examine("too short", "en"));
  expect(seen.find(examine(english.toUpperCase(), "en"))).toBe("duplicate");
  expect(seen.find(examine(`Share this: ${english}`, "en"))).toBe("near-duplicate");
  expect(seen.find(examine(`${chinese}（完）`, "zh"))).toBe("near-duplicate");
  expect(seen.find(examine(Array.from(chinese).toReversed().join(""), "zh"))).toBeUndefined();
  expect(seen.find(examine("too short, too", "en"))).toBeUndefined();
});

test("a Bloom filter never forgets, errs as rarely as promised when full, and grows by what it says", () => {
  const random = createRandom(1);
  const filter = new GrowingBloomFilter(20_000);
  const keys = Array.from({ length: 50_000 }, () => [random.nextUint32(), random.nextUint32()] as const);
  for (const [high, low] of keys) filter.add(high, low);
  expect(keys.every(([high, low]) => filter.has(high, low))).toBe(true);
  expect(filter.bytes).toBe(3 * 70_000);
  let wrong = 0;
  for (let probe = 0; probe < 300_000; probe++)
    if (filter.has(random.nextUint32(), random.nextUint32())) wrong++;
  expect(wrong).toBeLessThanOrEqual(4); // expected: 300,000 × 2.5 × 10⁻⁶ at most
});

test("fingerprints come back from their log, up to the length that is asked for", async () => {
  const path = join(await temporaryDirectory(), "seen.bin");
  const hasher = new MinHasher(params);
  const all: Fingerprints[] = Array.from({ length: 1000 }, (_, i) => ({
    digest: contentDigest(`text ${i}`),
    bandKeys: i % 3 === 0 ? undefined : keysOf(hasher, `a text of some words that bears the number n${i}`),
  }));
  const log = new FingerprintLog(path, params.bands);
  for (const one of all) await log.append(one);
  const length = await log.sync();
  await log.append({ digest: Buffer.alloc(32), bandKeys: undefined }); // not asked for
  await log.close();
  const plain = (fingerprints: readonly Fingerprints[]) =>
    fingerprints.map(({ digest, bandKeys }) => [digest.toString("hex"), bandKeys]);
  expect(plain(await collect(log.read(length)))).toEqual(plain(all));
});
