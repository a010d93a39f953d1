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

/** Streams the file through constant memory. Rejects with the signal's reason where it is aborted. */
export async function digestFile(path: string, signal?: AbortSignal): Promise<FileDigest> {
  const hash = createHash("sha256");
  const file = await open(path, "r");
  try {
    const buffer = Buffer.allocUnsafe(CHUNK_BYTES);
    let sizeBytes = 0;
    for (;;) {
      signal?.throwIfAborted();
      const { bytesRead } = await file.read(buffer, 0, CHUNK_BYTES);
      if (bytesRead === 0) break;
      hash.update(buffer.subarray(0, bytesRead));
      sizeBytes += bytesRead;
    }
    return { sha256: hash.digest("hex"), sizeBytes };
  } finally {
    await file.close();
  }
}
