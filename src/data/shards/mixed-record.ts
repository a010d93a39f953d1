/**
 * A document between the shards that it was tokenized into and those that it is mixed into: seven 32-bit numbers,
 * little-endian, then its tokens as they stand in shards, with their separator.
 */
import type { MixSide } from "./plan-mix.ts";

/** Numbers: key, bytes of tokens, bytes of text, hash high, hash low, stratum, 1 for validation. */
const headBytes = 7 * 4;

export interface MixedRecord {
  readonly key: number;
  readonly side: MixSide;
  readonly bytes: number;
  readonly hash: readonly [high: number, low: number];
  /** Place of its stratum in the manifest of the tokenized shards. */
  readonly stratum: number;
  readonly tokens: Uint8Array;
}

export const recordBytes = (tokenBytes: number): number => headBytes + tokenBytes;

/** Writes all but the tokens at a place; returns where the tokens go. */
export function putHead(
  into: Buffer,
  at: number,
  record: Omit<MixedRecord, "tokens">,
  tokenBytes: number,
): number {
  const { key, side, bytes, hash, stratum } = record;
  let place = at;
  for (const number of [key, tokenBytes, bytes, ...hash, stratum, side === "validation" ? 1 : 0])
    place = into.writeUInt32LE(number, place);
  return place;
}

export const keyAt = (chunk: Buffer, at: number): number => chunk.readUInt32LE(at);

/** Where the record at a place ends; beyond the chunk, or undefined, where the chunk does not hold it whole. */
export const endOfRecord = (chunk: Buffer, at: number): number | undefined =>
  at + headBytes > chunk.length ? undefined : at + headBytes + chunk.readUInt32LE(at + 4);

/** The tokens are a view of the chunk. */
export function recordAt(chunk: Buffer, at: number): MixedRecord {
  const number = (index: number) => chunk.readUInt32LE(at + index * 4);
  return {
    key: number(0),
    bytes: number(2),
    hash: [number(3), number(4)],
    stratum: number(5),
    side: number(6) === 1 ? "validation" : "train",
    tokens: chunk.subarray(at + headBytes, at + headBytes + number(1)),
  };
}
