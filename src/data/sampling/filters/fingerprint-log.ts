/** The fingerprints of kept documents on disk, in the order in which they were kept: 8 bytes × (1 + bands) a document. */
import { createReadStream } from "node:fs";
import type { Fingerprints } from "./document-filter.ts";

const DIGEST_BYTES = 8;

export function encodeFingerprints({ digest, bandKeys }: Fingerprints, bands: number): Uint8Array {
  const bytes = Buffer.alloc(DIGEST_BYTES + bands * 8);
  digest.copy(bytes, 0, 0, DIGEST_BYTES);
  bandKeys?.forEach((word, index) => bytes.writeUInt32LE(word, DIGEST_BYTES + index * 4));
  return bytes;
}

/** The first `length` bytes of a log. A document without band keys has zeros in their place. */
export async function* readFingerprints(
  path: string,
  length: number,
  bands: number,
): AsyncGenerator<Fingerprints> {
  if (length === 0) return;
  const size = DIGEST_BYTES + bands * 8;
  let rest: Uint8Array = new Uint8Array(0);
  for await (const chunk of createReadStream(path, { end: length - 1 }) as AsyncIterable<Uint8Array>) {
    const bytes = Buffer.concat([rest, chunk]);
    let at = 0;
    for (; at + size <= bytes.length; at += size) yield decode(bytes.subarray(at, at + size), bands);
    rest = bytes.subarray(at);
  }
}

function decode(bytes: Buffer, bands: number): Fingerprints {
  const digest = bytes.subarray(0, DIGEST_BYTES);
  const keys = Uint32Array.from({ length: bands * 2 }, (_, index) =>
    bytes.readUInt32LE(DIGEST_BYTES + index * 4),
  );
  return { digest, bandKeys: keys.some((word) => word !== 0) ? keys : undefined };
}
