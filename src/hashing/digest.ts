/** SHA-256 of values and of files with their size, as 64 hexadecimal digits. */
import { createHash } from "node:crypto";
import { open } from "node:fs/promises";
import { digestOf } from "../std/digest.ts";
import type { Json } from "../std/json.ts";
import { canonicalEncode } from "./canonical.ts";

export const digestValue = (value: Json): string => digestOf(canonicalEncode(value));

const CHUNK_BYTES = 1 << 20;

export interface FileDigest {
  readonly sha256: string;
  readonly sizeBytes: number;
}

/**
 * Streams the file through constant memory, reading one chunk while the one before is hashed. Rejects with the
 * signal's reason where it is aborted.
 */
export async function digestFile(path: string, signal?: AbortSignal): Promise<FileDigest> {
  const hash = createHash("sha256");
  const file = await open(path, "r");
  let sizeBytes = 0;
  let [current, other] = [Buffer.allocUnsafe(CHUNK_BYTES), Buffer.allocUnsafe(CHUNK_BYTES)];
  let reading = file.read(current, 0, CHUNK_BYTES);
  try {
    for (;;) {
      const { bytesRead } = await reading;
      if (bytesRead === 0) break;
      reading = file.read(other, 0, CHUNK_BYTES);
      hash.update(current.subarray(0, bytesRead));
      sizeBytes += bytesRead;
      [current, other] = [other, current];
      signal?.throwIfAborted();
    }
    return { sha256: hash.digest("hex"), sizeBytes };
  } finally {
    await Promise.allSettled([reading]); // the buffers must not be written to any more
    await file.close();
  }
}
