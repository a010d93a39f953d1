/**
 * Canonical bytes of a JSON value: injective, type-tagged, free of key order. What digests are made of.
 * Every value starts with a tag; strings and containers carry their length, so no two values share bytes:
 * `n` null, `t` true, `f` false, `d` number (IEEE 754 binary64, big-endian), `s` string (UTF-8),
 * `w` string with lone surrogates (UTF-16LE), `a` array, `o` object (keys in code-unit order).
 */
import type { Json } from "../std/json.ts";

/** Throws `TypeError` for NaN, infinities and anything that JSON cannot hold. `-0` is `0`, as in JSON. */
export function canonicalEncode(value: Json): Uint8Array {
  const chunks: Uint8Array[] = [];
  encode(value, chunks);
  return Buffer.concat(chunks);
}

function encode(value: unknown, chunks: Uint8Array[]): void {
  if (value === null) chunks.push(tag("n"));
  else if (typeof value === "boolean") chunks.push(tag(value ? "t" : "f"));
  else if (typeof value === "number") chunks.push(encodeNumber(value));
  else if (typeof value === "string") encodeString(value, chunks);
  else if (Array.isArray(value)) encodeArray(value, chunks);
  else if (isPlainObject(value)) encodeObject(value, chunks);
  else throw new TypeError(`cannot encode a ${typeof value}: only JSON values have a canonical form`);
}

const tag = (text: string): Uint8Array => Buffer.from(text, "latin1");

function encodeNumber(value: number): Uint8Array {
  if (!Number.isFinite(value)) throw new TypeError(`cannot encode ${value}: JSON has no such number`);
  const bytes = Buffer.alloc(9);
  bytes.write("d", "latin1");
  bytes.writeDoubleBE(value === 0 ? 0 : value, 1);
  return bytes;
}

function encodeString(value: string, chunks: Uint8Array[]): void {
  const utf8 = Buffer.from(value, "utf8");
  // UTF-8 cannot hold lone surrogates: Node writes U+FFFD for them, which would make two strings one.
  const wellFormed = utf8.toString("utf8") === value;
  const bytes = wellFormed ? utf8 : Buffer.from(value, "utf16le");
  chunks.push(tag(`${wellFormed ? "s" : "w"}${bytes.byteLength}:`), bytes);
}

function encodeArray(values: readonly unknown[], chunks: Uint8Array[]): void {
  chunks.push(tag(`a${values.length}:`));
  for (const value of values) encode(value, chunks);
}

/** A property that is `undefined` is absent, as in JSON. */
function encodeObject(object: Readonly<Record<string, unknown>>, chunks: Uint8Array[]): void {
  const keys = Object.keys(object)
    .filter((key) => object[key] !== undefined)
    .sort(byCodeUnit);
  chunks.push(tag(`o${keys.length}:`));
  for (const key of keys) {
    encodeString(key, chunks);
    encode(object[key], chunks);
  }
}

function isPlainObject(value: unknown): value is Readonly<Record<string, unknown>> {
  if (typeof value !== "object" || value === null) return false;
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === null;
}

/** The order of keys and paths wherever bytes are hashed; unlike `localeCompare`, the same on every machine. */
export const byCodeUnit = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);
