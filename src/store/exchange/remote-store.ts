/** A place that several machines reach: files by key, each whole or not there. Knows nothing of entries. */
import type { BlobName } from "./blob.ts";

/** A file to be sent; its parts may be read again where sending fails. */
export interface RemoteSource {
  readonly sizeBytes: number;
  /** `end` is exclusive. */
  readonly read: (start: number, end: number) => Promise<Uint8Array>;
}

export interface RemoteStore {
  /** As a person named it; holds no secret. */
  readonly url: string;
  /** Size in bytes; undefined where there is no such file. */
  size(key: string, signal: AbortSignal): Promise<number | undefined>;
  /** Undefined where there is no such file. */
  get(key: string, signal: AbortSignal): Promise<AsyncIterable<Uint8Array> | undefined>;
  /** Replaces what is there; nobody ever sees a part. */
  put(key: string, source: RemoteSource, signal: AbortSignal): Promise<void>;
  /** Whether the same request may succeed if it is sent again. */
  isTransient(error: unknown): boolean;
  close(): Promise<void>;
}

const shelved = (folder: string, name: string, ending: string): string =>
  `${folder}/${name.slice(0, 2)}/${name}${ending}`;

export const blobKey = ({ sha256 }: Pick<BlobName, "sha256">): string => shelved("blobs", sha256, "");
export const entryKey = (fingerprint: string): string => shelved("entries", fingerprint, ".json");

export const bytesSource = (bytes: Uint8Array): RemoteSource => ({
  sizeBytes: bytes.byteLength,
  read: (start, end) => Promise.resolve(bytes.subarray(start, end)),
});
