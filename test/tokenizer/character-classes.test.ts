import { expect, test } from "vitest";
import {
  characterClasses,
  digitOnly,
  letter,
  number,
  other,
  space,
} from "../../src/tokenizer/character-classes.ts";
import { readGoldenJson } from "./golden.ts";

test("every code point has the class that Hugging Face tokenizers gives it", () => {
  const golden = readGoldenJson("character-classes.json") as Record<string, [number, number][]>;
  const expected = new Uint8Array(0x110000).fill(other);
  // Numbers after digits: a digit that is no number stays digitOnly.
  for (const [name, characterClass] of [
    ["letters", letter],
    ["spaces", space],
    ["digits", digitOnly],
    ["numbers", number],
  ] as const) {
    for (const [first, last] of golden[name] ?? []) expected.fill(characterClass, first, last + 1);
  }
  expect(characterClasses.length).toBe(expected.length);
  expect(characterClasses.findIndex((characterClass, code) => characterClass !== expected[code])).toBe(-1);
});
