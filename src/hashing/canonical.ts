/**
 * Canonical bytes of a JSON value: injective, type-tagged, free of key order. What digests are made of.
 * Every value starts with a tag; strings and containers carry their length, so no two values share bytes:
 * `n` null, `t` true, `f` false, `d` number (IEEE 754 binary64, big-endian), `s` string (UTF-8),
 * `w` string with lone surrogates (UTF-16LE), `a` array, `o` object (keys in code-unit order).
 */
import type { Json } from "../std/json.ts";

/** Throws `TypeError` for NaN, infinities and anything that JSON cannot hold. `-0` is `0`, as in JSON. */
export function canonicalEncode(value: Json): Uint8Array {
  const bytes = new ByteWriter();
  encode(value, bytes);
  return bytes.written();
}

/** One buffer that grows: a plan encodes thousands of values, and a buffer for each of their parts would cost most of it. */
class ByteWriter {
  #buffer = Buffer.allocUnsafe(4096);
  #length = 0;

  written(): Uint8Array {
    return this.#buffer.subarray(0, this.#length);
  }

  ascii(text: string): void {
    const start = this.#reserve(text.length);
    // Shorter than this, calling into native code takes longer than the loop.
    if (text.length > 32) this.#buffer.write(text, start, "latin1");
    else
      for (let index = 0; index < text.length; index++) this.#buffer[start + index] = text.charCodeAt(index);
  }

  bytes(bytes: Uint8Array): void {
    this.#buffer.set(bytes, this.#reserve(bytes.byteLength));
  }

  double(value: number): void {
    const start = this.#reserve(8);
    this.#buffer.writeDoubleBE(value, start);
  }

  /** Where the next `count` bytes go. */
  #reserve(count: number): number {
    const start = this.#length;
    this.#length += count;
    if (this.#length > this.#buffer.byteLength) {
      const grown = Buffer.allocUnsafe(2 * this.#length);
      grown.set(this.#buffer.subarray(0, start));
      this.#buffer = grown;
    }
    return start;
  }
}

function encode(value: unknown, bytes: ByteWriter): void {
  if (value === null) bytes.ascii("n");
  else if (typeof value === "boolean") bytes.ascii(value ? "t" : "f");
  else if (typeof value === "number") encodeNumber(value, bytes);
  else if (typeof value === "string") encodeString(value, bytes);
  else if (Array.isArray(value)) encodeArray(value, bytes);
  else if (isPlainObject(value)) encodeObject(value, bytes);
  else throw new TypeError(`cannot encode a ${typeof value}: only JSON values have a canonical form`);
}

function encodeNumber(value: number, bytes: ByteWriter): void {
  if (!Number.isFinite(value)) throw new TypeError(`cannot encode ${value}: JSON has no such number`);
  bytes.ascii("d");
  bytes.double(value === 0 ? 0 : value);
}

function encodeString(value: string, bytes: ByteWriter): void {
  if (Buffer.byteLength(value, "utf8") === value.length) {
    bytes.ascii(`s${value.length}:`);
    bytes.ascii(value);
    return;
  }
  const utf8 = Buffer.from(value, "utf8");
  // UTF-8 cannot hold lone surrogates: Node writes U+FFFD for them, which would make two strings one.
  const wellFormed = utf8.toString("utf8") === value;
  const encoded = wellFormed ? utf8 : Buffer.from(value, "utf16le");
  bytes.ascii(`${wellFormed ? "s" : "w"}${encoded.byteLength}:`);
  bytes.bytes(encoded);
}

function encodeArray(values: readonly unknown[], bytes: ByteWriter): void {
  bytes.ascii(`a${values.length}:`);
  for (const value of values) encode(value, bytes);
}

/** A property that is `undefined` is absent, as in JSON. */
function encodeObject(object: Readonly<Record<string, unknown>>, bytes: ByteWriter): void {
  const keys = Object.keys(object)
    .filter((key) => object[key] !== undefined)
    .sort(); // without a function, by code unit
  bytes.ascii(`o${keys.length}:`);
  for (const key of keys) {
    encodeString(key, bytes);
    encode(object[key], bytes);
  }
}

function isPlainObject(value: unknown): value is Readonly<Record<string, unknown>> {
  if (typeof value !== "object" || value === null) return false;
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === null;
}

/** The order of keys and paths wherever bytes are hashed; unlike `localeCompare`, the same on every machine. */
export const byCodeUnit = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);
