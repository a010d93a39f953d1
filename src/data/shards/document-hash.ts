/**
 * Which documents are validation, from what a shard keeps of them: 64 bits that decide exactly as `splitOf` does,
 * so that with the same fraction the validation split is the corpus's held-out one.
 */
import { contentDigest, splitPosition } from "../documents/split.ts";

/** The first 64 bits of the hash that places a text in the split (see `splitOf`). */
export function documentHash(text: string): readonly [high: number, low: number] {
  const position = splitPosition(contentDigest(text));
  return [position.readUInt32BE(0), position.readUInt32BE(4)];
}

/** Whether a document is held out: its content decides, so that the same text is always on the same side. */
export function isHeldOut([high, low]: readonly [number, number], validationFraction: number): boolean {
  return (high * 2 ** 16 + (low >>> 16)) / 2 ** 48 < validationFraction;
}
