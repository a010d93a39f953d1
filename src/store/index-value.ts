/**
 * Values of the index as they lie in it: JSON, a line end, and a CRC-32 of key and JSON, because LMDB has no checksums and
 * a flipped bit in a digest or a number would be believed. Values without one were written before there were any.
 */
import { crc32 } from "node:zlib";

export type IndexKey = string[];

/** A record that is not what was written. */
export class DamagedRecord extends Error {
  override readonly name = "DamagedRecord";

  constructor(key: IndexKey) {
    super(`the record ${key.join("/")} is not what was written`);
  }
}

/** Pages that lmdb would read past without a word: records are missing, or the process ends. */
export class DamagedPages extends Error {
  override readonly name = "DamagedPages";
}

export function encodeValue(key: IndexKey, value: unknown): string {
  const json = JSON.stringify(value);
  return `${json}\n${checksum(key, json)}`;
}

/** Throws `DamagedRecord` where lmdb read a key that the store never writes. */
export function checkedKey(key: unknown): IndexKey {
  const isKey = Array.isArray(key) && key.every((part): part is string => typeof part === "string");
  if (!isKey) throw new DamagedRecord([String(key)]);
  return key;
}

/** Throws `DamagedRecord`. */
export function decodeValue(key: IndexKey, text: string): unknown {
  const end = text.lastIndexOf("\n"); // JSON.stringify writes none
  const json = end === -1 ? text : text.slice(0, end);
  if (end !== -1 && text.slice(end + 1) !== checksum(key, json)) throw new DamagedRecord(key);
  try {
    return JSON.parse(json);
  } catch {
    throw new DamagedRecord(key);
  }
}

const checksum = (key: IndexKey, json: string): string =>
  crc32(json, crc32(key.join("\0")))
    .toString(16)
    .padStart(8, "0");
