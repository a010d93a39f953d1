/** What tokenized documents take on the disk, and what mixing them takes while it runs. */
import { headBytes } from "./mixed-record.ts";
import { type BytesPerToken, entryBytes } from "./shard-format.ts";

export interface DocumentTotals {
  readonly documents: number;
  /** Without end-of-text tokens. */
  readonly tokens: number;
}

/** Records that are sorted in memory; more go through files. */
export const defaultMixMemoryBytes = 2 ** 27;

/** Files that they are dealt out to; see sort-records.ts. */
const sortFiles = 256;

/** Bytes of their shards, but for headers and the manifest. */
export const tokenizedBytes = ({ documents, tokens }: DocumentTotals, width: BytesPerToken): number =>
  tokens * width + documents * entryBytes;

/** The same, with an end-of-text token after each document. */
export const mixedBytes = ({ documents, tokens }: DocumentTotals, width: BytesPerToken): number =>
  tokenizedBytes({ documents, tokens: tokens + documents }, width);

/**
 * Bytes of the files that `mixShards` has at its fullest moment, shards among them: all records are in files before the first
 * is in a shard, and each file goes when its records are. One is in both, and one may be dealt out again.
 */
export function mixingBytes(
  { documents, tokens }: DocumentTotals,
  width: BytesPerToken,
  memoryBytes = defaultMixMemoryBytes,
): number {
  const records = tokens * width + documents * headBytes;
  const shards = mixedBytes({ documents, tokens }, width);
  return records <= memoryBytes ? shards : Math.round(records * (1 + 2 / sortFiles));
}
