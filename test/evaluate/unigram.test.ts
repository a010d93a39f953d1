import { expect, test } from "vitest";
import { unigramBitsPerByte } from "../../src/evaluate/unigram.ts";

test("uniform counts over V tokens cost log2 V bits a token", () => {
  const train = new Float64Array(256).fill(7);
  const heldOut = new Float64Array(256).fill(2);
  expect(unigramBitsPerByte(train, heldOut, 512)).toBeCloseTo(8, 12);
});

test("a token never seen in training costs finite bits by add-one smoothing", () => {
  // Counts 3 and 0 become 4/5 and 1/5: one unseen token in one byte costs log2 5 bits.
  expect(unigramBitsPerByte(Float64Array.of(3, 0), Float64Array.of(0, 1), 1)).toBeCloseTo(Math.log2(5), 12);
});
