import fc from "fast-check";
import { expect, test } from "vitest";
import { isVariantOf, readVariant, variantSuffix } from "../../src/std/variant-id.ts";

test("the id of a variant is read back into its axes", () => {
  expect(readVariant("pretrain@learningRate=0.001,seed=1,kind=cosine,packing=true,path=a=b")).toEqual({
    base: "pretrain",
    axes: { learningRate: 0.001, seed: 1, kind: "cosine", packing: true, path: "a=b" },
  });
  expect(readVariant("pretrain")).toEqual({ base: "pretrain", axes: {} });
});

test("what was written is read, and any part of it in any order means it", () => {
  const axes = fc.dictionary(
    fc.stringMatching(/^[a-z]{1,5}$/),
    fc.oneof(fc.integer(), fc.double({ noNaN: true, noDefaultInfinity: true }), fc.boolean()),
  );
  fc.assert(
    fc.property(axes, fc.nat(), (written, seed) => {
      const id = `train${variantSuffix(written)}`;
      const normal = Object.fromEntries(
        Object.entries(written).map(([name, value]) => [name, value === 0 ? 0 : value]),
      );
      expect(readVariant(id).axes).toEqual(normal);
      const some = Object.entries(written).filter((_, index) => ((seed >> index) & 1) === 1);
      const target = `train@${variantSuffix(Object.fromEntries(some.reverse())).slice(1)}`;
      expect(isVariantOf(id, target)).toBe(Object.keys(written).length > 0);
    }),
  );
});

test.each([
  ["train", "train@", false],
  ["train@seed=1", "train", false],
  ["train@seed=1", "train@seed=2", false],
  ["train@seed=12", "train@seed=1", false],
  ["other@seed=1", "train@seed=1", false],
])("%s is meant by %s: %s", (id, target, expected) => {
  expect(isVariantOf(id, target)).toBe(expected);
});
