/** Files on their way: named by their SHA-256, and believed only while their bytes say the same. */
import { createHash } from "node:crypto";
import { PipelineError } from "../../errors.ts";

export interface BlobName {
  readonly sha256: string;
  readonly sizeBytes: number;
}

/**
 * Passes the chunks on, and throws `BLOB_CORRUPT` where they are more, fewer or others than the name says: a longer
 * one as soon as it is too long.
 */
export async function* verified(
  chunks: AsyncIterable<Uint8Array>,
  { sha256, sizeBytes }: BlobName,
  what: string,
  onBytes: (bytes: number) => void,
): AsyncGenerator<Uint8Array> {
  const hash = createHash("sha256");
  let seen = 0;
  for await (const chunk of chunks) {
    seen += chunk.byteLength;
    if (seen > sizeBytes) throw corrupt(what, sha256, `it has more than ${sizeBytes} bytes`);
    hash.update(chunk);
    onBytes(chunk.byteLength);
    yield chunk;
  }
  if (seen < sizeBytes) throw corrupt(what, sha256, `it ends after ${seen} of ${sizeBytes} bytes`);
  const digest = hash.digest("hex");
  if (digest !== sha256) throw corrupt(what, sha256, `its sha256 is ${digest}`);
}

const corrupt = (what: string, sha256: string, why: string): PipelineError =>
  new PipelineError({
    code: "BLOB_CORRUPT",
    message: `the file ${sha256} in ${what} is not what its name says: ${why}`,
    hint: "nothing of it was used; remove it there, and npx pipeline push by somebody who has it whole sends it again",
  });

/** Each file once, however many artifacts hold it. */
export function distinctBlobs<Blob extends BlobName>(files: Iterable<Blob>): Map<string, Blob> {
  return new Map([...files].map((file) => [file.sha256, file]));
}

export const totalBytes = (blobs: Iterable<BlobName>): number =>
  [...blobs].reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
