/** SHA-256 of values and of files with their size, as 64 hexadecimal digits. */
import { digestOf, digestOfFile } from "../std/digest.ts";
import type { Json } from "../std/json.ts";
import { canonicalEncode } from "./canonical.ts";

export const digestValue = (value: Json): string => digestOf(canonicalEncode(value));

export interface FileDigest {
  readonly sha256: string;
  readonly sizeBytes: number;
}

/** Through constant memory (`digestOfFile`). Rejects with the signal's reason where it is aborted. */
export async function digestFile(path: string, signal?: AbortSignal): Promise<FileDigest> {
  let sizeBytes = 0;
  const sha256 = await digestOfFile(path, "sha256", (bytes) => {
    sizeBytes += bytes;
    signal?.throwIfAborted();
  });
  return { sha256, sizeBytes };
}
