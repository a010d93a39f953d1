import { expect, test } from "vitest";
import { nearest } from "../../src/std/nearest.ts";

test("two neighbours swapped are one edit, not two", () => {
  // As two edits, `sft` would be out of reach of `stf`.
  expect(nearest("stf", ["dpo", "sft"])).toBe("sft");
  expect(nearest("cuont", ["mount", "count"])).toBe("count");
});

test("no place is edited twice: swapped and then inserted between is no single step", () => {
  // Optimal string alignment gives 3, the unrestricted distance 2; two fifths of 7 letters are 2.8.
  expect(nearest("castep", ["abcstep"])).toBeUndefined();
});

test.each([
  ["stps", "steps"],
  ["stepps", "steps"],
  ["stebs", "steps"],
  ["STEPS", "steps"],
])("%s is near %s", (word, known) => {
  expect(nearest(word, ["warmup", known])).toBe(known);
});

test("what is far from everything is near nothing, and nothing known gives nothing", () => {
  expect(nearest("xyz", ["steps", "warmup"])).toBeUndefined();
  expect(nearest("steps", [])).toBeUndefined();
});
