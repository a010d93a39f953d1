/** Digests of bytes and of files; lower-case hex. Not the rules of what goes into a fingerprint (src/hashing). */
import { createHash, hash } from "node:crypto";
import { closeSync, openSync, readSync } from "node:fs";
import { setImmediate } from "node:timers/promises";

export type DigestAlgorithm = "sha256" | "sha512";

export function digestOf(data: string | Uint8Array, algorithm: DigestAlgorithm = "sha256"): string {
  return hash(algorithm, data, "hex");
}

/**
 * Block by block: memory does not grow with the file. Reads and hashes in turn on this thread, which is faster than
 * reading ahead on another (a stream's hand-over of each block costs more than the read), and lets others have their
 * turn every few milliseconds. Rejects with Node's error where the file cannot be read, and with what `onBlock` throws.
 */
export async function digestOfFile(
  path: string,
  algorithm: DigestAlgorithm = "sha256",
  onBlock: (bytes: number) => void = () => undefined,
): Promise<string> {
  const content = createHash(algorithm);
  const file = openSync(path, "r");
  try {
    for (let blocks = 1; ; blocks++) {
      const length = readSync(file, block);
      if (length === 0) return content.digest("hex");
      content.update(block.subarray(0, length));
      onBlock(length);
      if (blocks % blocksPerTurn === 0) await setImmediate();
    }
  } finally {
    closeSync(file);
  }
}

/**
 * One for all: nobody else has a turn between filling it and hashing it. Fits the second-level cache of small cores
 * beside the page it is copied from: with twice as much the copy alone can take four times as long.
 */
const block = new Uint8Array(2 ** 17);
const blocksPerTurn = 64;
