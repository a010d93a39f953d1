/** Encodes documents once, in their order, into shards of one split, `documents`, without separators. */
import { userError } from "../../errors.ts";
import { batchBySize } from "../../std/batch-by-size.ts";
import type { Encoder } from "../../tokenizer/encoder.ts";
import type { DataDocument } from "../records.ts";
import { factNumbers } from "./encode-batch.ts";
import { encodeInOrder } from "./encode-in-order.ts";
import { bytesPerTokenFor } from "./shard-format.ts";
import type { ShardManifest } from "./shard-manifest.ts";
import { createShardWriter } from "./write-shards.ts";

export const documentsSplit = "documents";

export interface TokenizeOptions {
  /** SHA-256 of the encoder's tokenizer.json, 64 hex digits. */
  readonly tokenizerDigest: string;
  readonly shardTokens: number;
  /** Threads that encode, the caller's among them; the bytes are the same with any number of them (default: 1). */
  readonly workers?: number;
  /** UTF-16 units; longer documents are dropped (default: none is). */
  readonly maxDocumentCharacters?: number;
  readonly signal?: AbortSignal;
  /** Called after every batch of documents. */
  readonly onProgress?: (done: {
    readonly documents: number;
    readonly tokens: number;
    readonly bytes: number;
  }) => void;
}

/** UTF-16 units that are encoded in one go, some ten milliseconds: at the end threads wait for the one with most left. */
const batchCharacters = 1 << 16;

/**
 * Empty documents, and those that are too long, are dropped and counted in the manifest. In memory are a few batches
 * for each worker. Throws SHARD_NO_TEXT if nothing is left.
 */
export async function tokenizeDocuments(
  documents: AsyncIterable<DataDocument> | Iterable<DataDocument>,
  encoder: Encoder,
  folder: string,
  options: TokenizeOptions,
): Promise<ShardManifest> {
  const { tokenizerDigest, shardTokens, workers = 1, maxDocumentCharacters = Infinity } = options;
  const writer = await createShardWriter(folder, {
    tokenizerDigest,
    vocabSize: encoder.vocabSize,
    shardTokens,
  });
  const bytesPerToken = bytesPerTokenFor(encoder.vocabSize);
  const totals = { documents: 0, tokens: 0, bytes: 0 };
  const dropped = { empty: 0, tooLong: 0 };
  const keeps = ({ text }: DataDocument): boolean => {
    if (text === "") dropped.empty++;
    else if (text.length > maxDocumentCharacters) dropped.tooLong++;
    else return true;
    return false;
  };
  try {
    const batches = batchBySize(filtered(documents, keeps), ({ text }) => text.length, batchCharacters);
    for await (const batch of encodeInOrder(batches, encoder, workers)) {
      const { tokens: packed, facts } = batch.encoded;
      let start = 0;
      for (const [index, { source, language, category }] of batch.documents.entries()) {
        const [tokens = 0, bytes = 0, high = 0, low = 0] = facts.subarray(index * factNumbers);
        const end = start + tokens * bytesPerToken;
        await writer.append({
          split: documentsSplit,
          stratum: { source, language, category },
          tokens: packed.subarray(start, end),
          bytes,
          hash: [high, low],
        });
        start = end;
        totals.tokens += tokens;
        totals.bytes += bytes;
      }
      totals.documents += batch.documents.length;
      options.onProgress?.(totals);
      options.signal?.throwIfAborted();
    }
    if (totals.documents === 0) {
      throw userError(
        "SHARD_NO_TEXT",
        `There is no document to tokenize (${dropped.empty} were empty, ${dropped.tooLong} too long).`,
        "Look at the sources of the corpus and at what their filters dropped.",
      );
    }
    return await writer.close({ dropped });
  } catch (error) {
    await writer.abort();
    throw error;
  }
}

async function* filtered(
  documents: AsyncIterable<DataDocument> | Iterable<DataDocument>,
  keeps: (document: DataDocument) => boolean,
): AsyncGenerator<DataDocument> {
  for await (const document of documents) if (keeps(document)) yield document;
}
