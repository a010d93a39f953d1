/** Encodes documents once, in their order, into shards of one split, `documents`, without separators. */
import { userError } from "../../errors.ts";
import type { Encoder } from "../../tokenizer/encoder.ts";
import { TokenBuffer } from "../../tokenizer/token-buffer.ts";
import type { DataDocument } from "../records.ts";
import { documentHash } from "./document-hash.ts";
import type { ShardManifest } from "./shard-manifest.ts";
import { createShardWriter } from "./write-shards.ts";

export const documentsSplit = "documents";

export interface TokenizeOptions {
  /** SHA-256 of the encoder's tokenizer.json, 64 hex digits. */
  readonly tokenizerDigest: string;
  readonly shardTokens: number;
  readonly signal?: AbortSignal;
  /** Called after every thousandth document. */
  readonly onProgress?: (done: {
    readonly documents: number;
    readonly tokens: number;
    readonly bytes: number;
  }) => void;
}

/** Empty documents are dropped and counted in the manifest. Throws SHARD_NO_TEXT if nothing is left. */
export async function tokenizeDocuments(
  documents: AsyncIterable<DataDocument> | Iterable<DataDocument>,
  encoder: Encoder,
  folder: string,
  { tokenizerDigest, shardTokens, signal, onProgress }: TokenizeOptions,
): Promise<ShardManifest> {
  const { vocabSize } = encoder;
  const writer = await createShardWriter(folder, { tokenizerDigest, vocabSize, shardTokens });
  const buffer = new TokenBuffer();
  const totals = { documents: 0, tokens: 0, bytes: 0 };
  let empty = 0;
  try {
    for await (const { text, source, language, category } of documents) {
      if (text === "") {
        empty++;
        continue;
      }
      buffer.clear();
      encoder.encodeInto(text, buffer);
      const bytes = Buffer.byteLength(text);
      const stratum = { source, language, category };
      const ids = buffer.data.subarray(0, buffer.length);
      await writer.append({ split: documentsSplit, stratum, ids, bytes, hash: documentHash(text) });
      totals.documents++;
      totals.tokens += ids.length;
      totals.bytes += bytes;
      if (totals.documents % 1000 === 0) {
        onProgress?.(totals);
        signal?.throwIfAborted();
      }
    }
    if (totals.documents === 0) {
      throw userError(
        "SHARD_NO_TEXT",
        `There is no document to tokenize (${empty} were empty).`,
        "Look at the sources of the corpus and at what their filters dropped.",
      );
    }
    return await writer.close({ dropped: { empty } });
  } catch (error) {
    await writer.abort();
    throw error;
  }
}
