/** Digests of bytes and of files; lower-case hex. Not the rules of what goes into a fingerprint (src/hashing). */
import { createHash, hash } from "node:crypto";
import { closeSync, openSync, read, readSync } from "node:fs";
import { promisify } from "node:util";

const readAsync = promisify(read);

export type DigestAlgorithm = "sha256" | "sha512";

export function digestOf(data: string | Uint8Array, algorithm: DigestAlgorithm = "sha256"): string {
  return hash(algorithm, data, "hex");
}

/**
 * Block by block: memory does not grow with the file. Lets others have their turn every few milliseconds. Rejects with
 * Node's error where the file cannot be read, and with what `onBlock` throws.
 */
export async function digestOfFile(
  path: string,
  algorithm: DigestAlgorithm = "sha256",
  onBlock: (bytes: number) => void = () => undefined,
): Promise<string> {
  const content = createHash(algorithm);
  const add = (bytes: Uint8Array) => {
    content.update(bytes);
    onBlock(bytes.length);
  };
  const file = openSync(path, "r");
  try {
    // On this thread: handing over so few bytes takes longer than reading them.
    for (let blocks = 0; blocks < blocksReadHere; blocks++) {
      const length = readSync(file, block);
      if (length === 0) return content.digest("hex");
      add(block.subarray(0, length));
    }
    for await (const bytes of readAhead(file)) add(bytes);
    return content.digest("hex");
  } finally {
    closeSync(file);
  }
}

/**
 * One for all: nobody else has a turn between filling it and hashing it. Fits the second-level cache of small cores
 * beside the page it is copied from: with twice as much the copy alone can take four times as long.
 */
const block = new Uint8Array(2 ** 17);
const blocksReadHere = 64;

const aheadBytes = 2 ** 21;
/** One being hashed, the others being read or waiting: two leave the hashing waiting, and four still fit a shared cache. */
const aheadBlocks = 4;

/** What is left of a file, read on another thread while the caller works on the block before. Each is valid until the next. */
async function* readAhead(file: number): AsyncGenerator<Uint8Array, void, undefined> {
  let last: Promise<unknown> = Promise.resolve();
  const start = (buffer: Uint8Array) => {
    // One after the other: each read goes on where the one before ended.
    const reading = last.then(() => readAsync(file, { buffer }));
    last = reading.catch(() => undefined); // thrown below, when its turn comes
    return reading;
  };
  const slots = Array.from({ length: aheadBlocks }, () => {
    const buffer = new Uint8Array(aheadBytes);
    return { buffer, reading: start(buffer) };
  });
  try {
    for (;;)
      for (const slot of slots) {
        const { bytesRead } = await slot.reading;
        if (bytesRead === 0) return;
        yield slot.buffer.subarray(0, bytesRead);
        slot.reading = start(slot.buffer);
      }
  } finally {
    await last; // nobody reads from a file that is closed
  }
}
