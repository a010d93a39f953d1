/**
 * A file that must stay what it is while it is read: what is read from beginning to end must have the SHA-256 that its source
 * states, or else the one that it had when it was first read so.
 */
import { createHash } from "node:crypto";
import { sourceChanged } from "./remote-file.ts";
import type { SourceFile } from "./source.ts";

export interface VerifiedFile {
  readonly file: SourceFile;
  /** `sha256:<hex>`, stated or found; undefined where neither is known yet. */
  readonly sha256: () => string | undefined;
}

/** Reading throws SOURCE_CHANGED, after `onMismatch`, at the end of content that has another digest. */
export function verifiedFile(file: SourceFile, what: string, onMismatch?: () => Promise<void>): VerifiedFile {
  let known = file.digest?.startsWith("sha256:") === true ? file.digest : undefined;
  const whole = async function* (end?: number): AsyncGenerator<Uint8Array> {
    const hash = createHash("sha256");
    let at = 0;
    for await (const chunk of file.open(0, end)) {
      hash.update(chunk);
      at += chunk.length;
      yield chunk;
    }
    if (at < file.size) return;
    const found = `sha256:${hash.digest("hex")}`;
    if (known !== undefined && known !== found) {
      await onMismatch?.();
      throw sourceChanged(what, `it should have ${known} and has ${found}`);
    }
    known = found;
  };
  const open: SourceFile["open"] = (start = 0, end) =>
    start === 0 && (end ?? file.size) >= file.size ? whole(end) : file.open(start, end);
  return { file: { ...file, open }, sha256: () => known };
}
