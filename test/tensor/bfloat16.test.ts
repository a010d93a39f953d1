import fc from "fast-check";
import { expect, test } from "vitest";
import { roundToBfloat16 } from "../../src/tensor/bfloat16.ts";
import * as ops from "../../src/tensor/ops.ts";
import { defineProgram, feed } from "../../src/tensor/program.ts";

const rounded = (value: number): number => {
  const values = Float32Array.of(value);
  roundToBfloat16(values);
  return values[0] ?? NaN;
};

test("ties go to the even one, and a carry reaches the exponent", () => {
  const place = 2 ** -7;
  expect(rounded(1 + place / 2)).toBe(1);
  expect(rounded(1 + (3 * place) / 2)).toBe(1 + 2 * place);
  expect(rounded(1 + place / 2 + 2 ** -20)).toBe(1 + place);
  expect(rounded(2 - 2 ** -20)).toBe(2);
  expect(rounded(-1 - (3 * place) / 2)).toBe(-1 - 2 * place);
  expect(rounded(3.4028234663852886e38)).toBe(Infinity);
});

test.each([0, -0, Infinity, -Infinity, NaN])("%s stays what it is", (value) => {
  expect(rounded(value)).toBe(value);
});

test("no number of 8 significant bits is nearer", () => {
  fc.assert(
    fc.property(fc.float({ min: Math.fround(-1e30), max: Math.fround(1e30), noNaN: true }), (value) => {
      fc.pre(Math.abs(value) > 1e-30);
      const place = 2 ** (Math.floor(Math.log2(Math.abs(value))) - 7);
      const result = rounded(value);
      expect(Number.isInteger(result / place)).toBe(true);
      expect(Math.abs(result - value)).toBeLessThanOrEqual(place / 2);
    }),
  );
});

test("bfloat16 is no feed's and no fetch's: a program that fetches it is refused", () => {
  const x = feed("x", [2]);
  const fetching = (y: typeof x) => ({
    variables: [],
    functions: [{ name: "run", feeds: [x], fetches: { y }, effects: [] }],
  });
  expect(() => defineProgram(fetching(ops.cast(x, "bfloat16")))).toThrow(
    expect.objectContaining({ code: "PROGRAM_INVALID", message: "run: y is bfloat16" }),
  );
  defineProgram(fetching(ops.cast(ops.cast(x, "bfloat16"), "float32")));
});
