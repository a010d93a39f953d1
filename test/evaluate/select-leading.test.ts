import fc from "fast-check";
import { expect, test } from "vitest";
import { selectLeading } from "../../src/evaluate/select-leading.ts";

/** Masses as whole numbers, so that sums are exact in any order. */
const masses = fc.array(fc.nat(6), { minLength: 1, maxLength: 60 });

test("the leading elements are those of the sorted order, whatever order they come in", () => {
  fc.assert(
    fc.property(masses, fc.nat(200), fc.boolean(), fc.nat(), (byElement, target, strictly, step) => {
      const size = byElement.length;
      const massOf = (element: number) => byElement[element] ?? 0;
      // Heaviest first, as tokens are; of equals the first.
      const compare = (a: number, b: number) => massOf(b) - massOf(a) || a - b;
      const sorted = Array.from(byElement.keys()).sort(compare);
      let [count, sum] = [0, 0];
      while (count < size && (count === 0 || !(strictly ? sum > target : sum >= target)))
        sum += massOf(sorted[count++] ?? 0);

      const elements = Int32Array.from(sorted.keys(), (index) => (index + step) % size);
      const leading = selectLeading(elements, (a, b) => compare(a, b) < 0, { massOf, target, strictly });
      expect(leading).toBe(count);
      expect([...elements.subarray(0, leading)].sort(compare)).toEqual(sorted.slice(0, count));
      expect(elements[leading - 1]).toBe(sorted[count - 1]);
      expect([...elements].sort((a, b) => a - b)).toEqual(Array.from(byElement.keys()));
    }),
  );
});

test("finding the leading part of an order asks for few comparisons, sorted input or not", () => {
  const size = 20_000;
  for (const stride of [1, 7, size - 1]) {
    let comparisons = 0;
    const elements = Int32Array.from({ length: size }, (_, index) => (index * stride) % size);
    const before = (a: number, b: number) => {
      comparisons++;
      return a < b;
    };
    selectLeading(elements, before, { massOf: () => 1, target: 50 });
    expect(comparisons).toBeLessThan(5 * size);
  }
});
