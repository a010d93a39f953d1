import fc from "fast-check";
import { expect, test } from "vitest";
import { contentDigest, hashToUnit } from "../../../src/data/documents/split.ts";
import { allocateQuota } from "../../../src/data/sampling/allocate-quota.ts";
import { ThresholdSampler } from "../../../src/data/sampling/threshold-sampler.ts";

const strata = fc
  .array(fc.record({ weight: fc.nat(10), available: fc.oneof(fc.nat(1000), fc.constant(Infinity)) }), {
    maxLength: 8,
  })
  .map((list) => list.map((one, index) => ({ name: String(index), ...one })));

test("a quota is divided so that it is met if it can be, and no stratum gives more than it has", () => {
  fc.assert(
    fc.property(fc.nat(3000), strata, (quota, demands) => {
      const parts = allocateQuota(quota, demands);
      let sum = 0;
      let possible = 0;
      for (const { name, weight, available } of demands) {
        const part = parts.get(name) ?? Number.NaN;
        expect(part).toBeGreaterThanOrEqual(0);
        expect(part).toBeLessThanOrEqual(available);
        if (weight === 0) expect(part).toBe(0);
        else possible += available;
        sum += part;
      }
      expect(sum).toBeCloseTo(Math.min(quota, possible), 6);
    }),
  );
});

test("strata with enough get their share by weight, and what one lacks goes to the others by weight", () => {
  const ample = [
    { name: "news", weight: 3, available: 1000 },
    { name: "sport", weight: 1, available: 1000 },
  ];
  expect(Object.fromEntries(allocateQuota(400, ample))).toEqual({ news: 300, sport: 100 });
  const short = [
    { name: "news", weight: 2, available: 50 },
    ...ample.map((one) => ({ ...one, name: `${one.name}2` })),
  ];
  expect(Object.fromEntries(allocateQuota(450, short))).toEqual({ news: 50, news2: 300, sport2: 100 });
});

const documents = Array.from({ length: 5000 }, (_, index) => ({
  text: `document ${index}`,
  characters: 100 + (index % 7),
}));

function sample(
  quota: number,
  seed: number,
  order: readonly number[] = documents.map((_, index) => index),
): Set<number> {
  const sampler = new ThresholdSampler();
  const rank = (index: number): number =>
    hashToUnit(`sample:${seed}`, contentDigest(documents[index]?.text ?? ""));
  for (const index of order) sampler.count(rank(index), documents[index]?.characters ?? 0);
  sampler.setQuota(quota);
  const drawn = new Set<number>();
  for (const index of order) {
    if (!sampler.admits(rank(index))) continue;
    sampler.keep(documents[index]?.characters ?? 0);
    drawn.add(index);
  }
  return drawn;
}

const charactersOf = (indices: Iterable<number>): number =>
  [...indices].reduce((sum, index) => sum + (documents[index]?.characters ?? 0), 0);

test("a sample fills its quota to within a document and is spread over the whole stream, not its beginning", () => {
  const drawn = sample(100_000, 1);
  expect(charactersOf(drawn)).toBeGreaterThanOrEqual(100_000);
  expect(charactersOf(drawn)).toBeLessThan(100_000 + 107);
  for (let tenth = 0; tenth < 10; tenth++) {
    const inTenth = [...drawn].filter((index) => Math.floor(index / 500) === tenth).length;
    const expected = drawn.size / 10;
    expect(Math.abs(inTenth - expected)).toBeLessThan(4 * Math.sqrt(expected));
  }
});

test("the sample does not depend on the order of the stream, but for the bucket that the quota cuts", () => {
  const forwards = sample(100_000, 1);
  const backwards = sample(
    100_000,
    1,
    documents.map((_, index) => documents.length - 1 - index),
  );
  expect([...forwards].filter((index) => !backwards.has(index)).length).toBeLessThanOrEqual(1);
});

test("another seed draws another sample, a larger quota keeps the smaller sample", () => {
  const one = sample(100_000, 1);
  const two = sample(100_000, 2);
  const common = [...one].filter((index) => two.has(index)).length;
  expect(common).toBeLessThan(one.size * 0.35); // a fifth by chance
  const larger = sample(200_000, 1);
  expect([...one].filter((index) => !larger.has(index))).toEqual([]);
});

test("a quota beyond what there is takes everything, a quota of nothing takes nothing", () => {
  expect(sample(10_000_000, 1).size).toBe(documents.length);
  expect(sample(0, 1).size).toBe(0);
});
