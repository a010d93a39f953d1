import { isDeepStrictEqual } from "node:util";
import fc from "fast-check";
import { expect, test } from "vitest";
import { canonicalEncode } from "../../src/hashing/canonical.ts";
import type { Json } from "../../src/std/json.ts";

const hex = (value: Json): string => Buffer.from(canonicalEncode(value)).toString("hex");

// Strings of any code units, lone surrogates included; `-0` is left out because JSON has one zero.
const json = fc.letrec<{ value: Json }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 3 },
    fc.constant(null),
    fc.boolean(),
    fc.double({ noNaN: true, noDefaultInfinity: true }).map((number) => (number === 0 ? 0 : number)),
    fc.integer(),
    fc.string({ unit: "binary" }),
    fc.constantFrom("\ud800", "\udfff", "\ufffd", "", "0", "1:", "s1:a"),
    fc.array(tie("value"), { maxLength: 4 }),
    fc.dictionary(fc.string({ unit: "binary", maxLength: 4 }), tie("value"), {
      maxKeys: 4,
      noNullPrototype: true,
    }),
  ),
})).value;

/** Any change of key order, at every level. */
function shuffled(value: Json, seed: number): Json {
  if (Array.isArray(value)) return value.map((item: Json) => shuffled(item, seed));
  if (typeof value !== "object" || value === null) return value;
  const entries = Object.entries(value as Record<string, Json>).map(
    ([key, item]) => [key, shuffled(item, seed)] as const,
  );
  const pivot = entries.length === 0 ? 0 : seed % entries.length;
  return Object.fromEntries([...entries.slice(pivot), ...entries.slice(0, pivot)].reverse());
}

test("two values have the same bytes exactly when they are equal", () => {
  fc.assert(
    fc.property(json, json, (a, b) => (hex(a) === hex(b)) === isDeepStrictEqual(a, b)),
    { numRuns: 2000 },
  );
});

test("no encoding is the beginning of another, so sequences cannot run into each other", () => {
  fc.assert(
    fc.property(json, json, (a, b) => {
      const [left, right] = [hex(a), hex(b)];
      return left === right || !(left.startsWith(right) || right.startsWith(left));
    }),
    { numRuns: 2000 },
  );
});

test("the order in which keys were written does not count", () => {
  fc.assert(fc.property(json, fc.nat(100), (value, seed) => hex(value) === hex(shuffled(value, seed))));
});

test("values of different types that print alike differ", () => {
  const alike: Json[] = [
    1,
    "1",
    [1],
    ["1"],
    { "1": 1 },
    true,
    "true",
    null,
    "null",
    [],
    {},
    "",
    0,
    false,
    [[]],
    [{}],
  ];
  expect(new Set(alike.map(hex)).size).toBe(alike.length);
});

test("a lone surrogate is not the replacement character", () => {
  expect(hex("\ud800")).not.toBe(hex("\ufffd"));
});

test("minus zero is zero, as in JSON", () => {
  expect(hex(-0)).toBe(hex(0));
});

test.each([[NaN], [Infinity], [-Infinity]])("%s is refused", (value) => {
  expect(() => canonicalEncode(value)).toThrow(TypeError);
});

test("what JSON cannot hold is refused", () => {
  for (const value of [new Date(0), new Map(), () => 1, 1n, Symbol("s")])
    expect(() => canonicalEncode({ value } as unknown as Json)).toThrow(TypeError);
});

test("the bytes are what the module's header says", () => {
  expect(Buffer.from(canonicalEncode({ b: [null, true, 1], a: "é" })).toString("latin1")).toBe(
    Buffer.concat([
      Buffer.from("o2:s1:as2:"),
      Buffer.from("é", "utf8"),
      Buffer.from("s1:ba3:ntd"),
      Buffer.from("3ff0000000000000", "hex"),
    ]).toString("latin1"),
  );
});
