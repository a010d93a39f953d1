/** Digests of bytes and of files; lower-case hex. Not the rules of what goes into a fingerprint (src/hashing). */
import { createHash, hash } from "node:crypto";
import { createReadStream } from "node:fs";

export type DigestAlgorithm = "sha256" | "sha512";

export function digestOf(data: string | Uint8Array, algorithm: DigestAlgorithm = "sha256"): string {
  return hash(algorithm, data, "hex");
}

/** Streams the file: memory does not grow with its size. Rejects with Node's error where it cannot be read. */
export async function digestOfFile(path: string, algorithm: DigestAlgorithm = "sha256"): Promise<string> {
  const content = createHash(algorithm);
  for await (const chunk of createReadStream(path) as AsyncIterable<Uint8Array>) content.update(chunk);
  return content.digest("hex");
}
