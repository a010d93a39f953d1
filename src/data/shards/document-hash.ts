import { createHash } from "node:crypto";

/** The first 64 bits of the SHA-256 of a text in UTF-8. */
export function documentHash(text: string): readonly [high: number, low: number] {
  const digest = createHash("sha256").update(text, "utf8").digest();
  return [digest.readUInt32BE(0), digest.readUInt32BE(4)];
}

/** Whether a document is held out: its content decides, so that the same text is always on the same side. */
export function isHeldOut(hash: readonly [high: number, low: number], validationFraction: number): boolean {
  return hash[0] < validationFraction * 0x100000000;
}
