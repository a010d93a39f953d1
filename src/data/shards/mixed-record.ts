/**
 * A document between the shards that it was tokenized into and those that it is mixed into: a head of seven 32-bit
 * numbers, little-endian, then its tokens as they stand in shards.
 */
import type { MixSide } from "./plan-mix.ts";

/** Numbers: key, bytes of tokens, bytes of text, hash high, hash low, stratum, 1 for validation. */
export const headBytes = 7 * 4;

export interface RecordHead {
  readonly key: number;
  readonly side: MixSide;
  /** Of its text. */
  readonly bytes: number;
  readonly hash: readonly [high: number, low: number];
  /** Place of its stratum in the manifest of the tokenized shards. */
  readonly stratum: number;
}

export interface MixedRecord extends RecordHead {
  readonly tokens: Uint8Array;
}

export function putHead(
  into: Buffer,
  at: number,
  { key, side, bytes, hash: [high, low], stratum }: RecordHead,
  tokenBytes: number,
): void {
  into.writeUInt32LE(key, at);
  into.writeUInt32LE(tokenBytes, at + 4);
  into.writeUInt32LE(bytes, at + 8);
  into.writeUInt32LE(high, at + 12);
  into.writeUInt32LE(low, at + 16);
  into.writeUInt32LE(stratum, at + 20);
  into.writeUInt32LE(side === "validation" ? 1 : 0, at + 24);
}

export const keyAt = (chunk: Buffer, at: number): number => chunk.readUInt32LE(at);

/** Where the record at a place ends; beyond the chunk, or undefined, where the chunk does not hold it whole. */
export const endOfRecord = (chunk: Buffer, at: number): number | undefined =>
  at + headBytes > chunk.length ? undefined : at + headBytes + chunk.readUInt32LE(at + 4);

/** The tokens are a view of the chunk. */
export function recordAt(chunk: Buffer, at: number): MixedRecord {
  const tokensAt = at + headBytes;
  return {
    key: keyAt(chunk, at),
    bytes: chunk.readUInt32LE(at + 8),
    hash: [chunk.readUInt32LE(at + 12), chunk.readUInt32LE(at + 16)],
    stratum: chunk.readUInt32LE(at + 20),
    side: chunk.readUInt32LE(at + 24) === 1 ? "validation" : "train",
    tokens: chunk.subarray(tokensAt, tokensAt + chunk.readUInt32LE(at + 4)),
  };
}
