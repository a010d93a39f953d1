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
function shuffled(value: Json, draw: () => number): Json {
  if (Array.isArray(value)) return value.map((item: Json) => shuffled(item, draw));
  if (typeof value !== "object" || value === null) return value;
  const entries = Object.entries(value as Record<string, Json>).map(
    ([key, item]) => ({ at: draw(), entry: [key, shuffled(item, draw)] }) as const,
  );
  return Object.fromEntries(entries.sort((a, b) => a.at - b.at).map(({ entry }) => entry));
}

/** Values that a careless encoding would confuse with one: other types, moved borders, added and lost layers. */
function neighbours(value: Json): Json[] {
  const around: Json[] = [[value], { "": value }, [value, null], JSON.stringify(value)];
  if (typeof value === "string")
    around.push(
      value.split("") /* code units */,
      `${value}\0`,
      value.slice(1),
      value.normalize("NFD"),
      Number(value) || 0,
    );
  if (typeof value === "number") around.push(String(value), value + 1, value / 3, -value || 1);
  if (Array.isArray(value)) {
    const items: readonly Json[] = value;
    const [first = null, ...rest] = items;
    around.push(Object.fromEntries(items.entries()), [[first], ...rest], [first, rest], rest, [
      ...items,
      null,
    ]);
    around.push(...items, ...neighbours(first).map((near) => [near, ...rest]), [...items].reverse());
  } else if (typeof value === "object" && value !== null) {
    const object = value as Record<string, Json>;
    const entries = Object.entries(object);
    const [[key, item] = ["", null], ...rest] = entries;
    around.push(entries, Object.values(object), Object.fromEntries(rest));
    around.push({ ...object, [`${key}\0`]: null }, { ...Object.fromEntries(rest), [`${key}x`]: item });
    around.push(...neighbours(item).map((near) => ({ ...object, [key]: near })));
  }
  return around;
}

test("two values have the same bytes exactly when they are equal", () => {
  fc.assert(
    fc.property(json, json, (a, b) => (hex(a) === hex(b)) === isDeepStrictEqual(a, b)),
    { numRuns: 2000 },
  );
});

test("no two neighbours of a value have the same bytes, unless they are equal", () => {
  let pairs = 0;
  fc.assert(
    fc.property(json, (value) => {
      const near = [value, ...neighbours(value)];
      const encoded = near.map(hex);
      for (let a = 0; a < near.length; a++)
        for (let b = 0; b < a; b++, pairs++)
          expect([near[a], near[b], encoded[a] === encoded[b]]).toEqual([
            near[a],
            near[b],
            isDeepStrictEqual(near[a], near[b]),
          ]);
    }),
    { numRuns: 500 },
  );
  expect(pairs).toBeGreaterThan(10_000);
});

test("no encoding is the beginning of another, so sequences cannot run into each other", () => {
  fc.assert(
    fc.property(json, (value) => {
      const encoded = [value, ...neighbours(value)].map(hex);
      return encoded.every((left) => encoded.every((right) => left === right || !left.startsWith(right)));
    }),
    { numRuns: 1000 },
  );
});

test("the order in which keys were written does not count", () => {
  fc.assert(
    fc.property(json, fc.infiniteStream(fc.double({ noNaN: true })), (value, numbers) => {
      const draw = (): number => Number(numbers.next().value);
      return hex(value) === hex(shuffled(value, draw));
    }),
    { numRuns: 500 },
  );
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
