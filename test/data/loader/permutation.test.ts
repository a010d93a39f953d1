import fc from "fast-check";
import { expect, test } from "vitest";
import { createPermutation } from "../../../src/data/loader/permutation.ts";
import { createRandom } from "../../../src/data/random.ts";

test("every index is hit exactly once, for any size", () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 5000 }), fc.integer(), (size, seed) => {
      const permutation = createPermutation(size, createRandom(seed));
      const seen = new Uint8Array(size);
      for (let i = 0; i < size; i++) {
        const place = permutation(i);
        if (seen[place] !== 0) expect.fail(`${place} was hit twice`);
        seen[place] = 1;
      }
    }),
    { numRuns: 30 },
  );
});

test("seeds decide the order, and over many seeds every order of a small range appears equally often", () => {
  const counts = new Map<string, number>();
  const draws = 12_000;
  for (let seed = 0; seed < draws; seed++) {
    const permutation = createPermutation(4, createRandom(seed));
    const order = [0, 1, 2, 3].map(permutation).join("");
    counts.set(order, (counts.get(order) ?? 0) + 1);
  }
  expect(counts.size).toBe(24);
  const expected = draws / 24;
  let chiSquare = 0;
  for (const count of counts.values()) chiSquare += (count - expected) ** 2 / expected;
  expect(chiSquare).toBeLessThan(49.7); // 0.1 % point at 23 degrees of freedom
});

test("neighbours do not stay together", () => {
  const size = 100_000;
  const permutation = createPermutation(size, createRandom(1));
  let distance = 0;
  for (let i = 1; i < size; i++) distance += Math.abs(permutation(i) - permutation(i - 1));
  expect(distance / size / (size / 3)).toBeGreaterThan(0.97); // independent places are a third of the range apart
  expect(distance / size / (size / 3)).toBeLessThan(1.03);
});

test("the largest range works and indices outside of the range are refused", () => {
  const permutation = createPermutation(2 ** 32, createRandom(1));
  expect(permutation(2 ** 32 - 1)).toBeLessThan(2 ** 32);
  expect(() => permutation(2 ** 32)).toThrow(RangeError);
  expect(() => permutation(-1)).toThrow(RangeError);
  expect(() => createPermutation(0, createRandom(1))).toThrow(/size/);
});
