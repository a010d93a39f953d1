/**
 * Canonical bytes of a JSON value: injective, type-tagged, free of key order. What digests are made of.
 * Every value starts with a tag; strings and containers carry their length, so no two values share bytes:
 * `n` null, `t` true, `f` false, `d` number (IEEE 754 binary64, big-endian), `s` string (UTF-8),
 * `w` string with lone surrogates (UTF-16LE), `a` array, `o` object (keys in code-unit order).
 */
import type { Json } from "../std/json.ts";

/** Throws `TypeError` for NaN, infinities and anything that JSON cannot hold. `-0` is `0`, as in JSON. */
export function canonicalEncode(value: Json): Uint8Array {
  return Buffer.from(encode(value), "latin1");
}

/**
 * A character for each byte: joining strings and turning the whole into bytes once costs two thirds of writing bytes, in
 * a process so young that little of it is compiled.
 */
function encode(value: unknown): string {
  if (value === null) return "n";
  if (typeof value === "boolean") return value ? "t" : "f";
  if (typeof value === "number") return encodeNumber(value);
  if (typeof value === "string") return encodeString(value);
  if (Array.isArray(value)) return encodeArray(value);
  if (isPlainObject(value)) return encodeObject(value);
  throw new TypeError(`cannot encode a ${typeof value}: only JSON values have a canonical form`);
}

const double = new DataView(new ArrayBuffer(8));

function encodeNumber(value: number): string {
  if (!Number.isFinite(value)) throw new TypeError(`cannot encode ${value}: JSON has no such number`);
  double.setFloat64(0, value === 0 ? 0 : value);
  const [high, low] = [double.getUint32(0), double.getUint32(4)];
  return `d${fourBytes(high)}${low === 0 ? "\0\0\0\0" : fourBytes(low)}`;
}

const fourBytes = (word: number): string =>
  String.fromCharCode(word >>> 24, (word >>> 16) & 255, (word >>> 8) & 255, word & 255);

function encodeString(value: string): string {
  if (Buffer.byteLength(value, "utf8") === value.length) return `s${value.length}:${value}`;
  const utf8 = Buffer.from(value, "utf8");
  // UTF-8 cannot hold lone surrogates: Node writes U+FFFD for them, which would make two strings one.
  const wellFormed = utf8.toString("utf8") === value;
  const encoded = wellFormed ? utf8 : Buffer.from(value, "utf16le");
  return `${wellFormed ? "s" : "w"}${encoded.byteLength}:${encoded.toString("latin1")}`;
}

function encodeArray(values: readonly unknown[]): string {
  let encoded = `a${values.length}:`;
  for (const value of values) encoded += encode(value);
  return encoded;
}

/** A property that is `undefined` is absent, as in JSON. */
function encodeObject(object: Readonly<Record<string, unknown>>): string {
  const keys = Object.keys(object)
    .filter((key) => object[key] !== undefined)
    .sort(); // without a function, by code unit
  let encoded = `o${keys.length}:`;
  for (const key of keys) encoded += encodeString(key) + encode(object[key]);
  return encoded;
}

function isPlainObject(value: unknown): value is Readonly<Record<string, unknown>> {
  if (typeof value !== "object" || value === null) return false;
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === null;
}

/** The order of keys and paths wherever bytes are hashed; unlike `localeCompare`, the same on every machine. */
export const byCodeUnit = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);
