/** Tokenizing and mixing as the kill tests do it: small shards, and so little memory that files in between are needed. Not a test. */
import { createHash } from "node:crypto";
import type { DataDocument } from "../../../src/data/records.ts";
import { mixShards } from "../../../src/data/shards/mix-shards.ts";
import { openShards } from "../../../src/data/shards/open-shards.ts";
import { tokenizeDocuments } from "../../../src/data/shards/tokenize-documents.ts";
import { createEncoder } from "../../../src/tokenizer/encoder.ts";
import { parseTokenizerJson } from "../../../src/tokenizer/tokenizer-json.ts";

export interface ShardWork {
  readonly tokenize: (documents: readonly DataDocument[], folder: string) => Promise<unknown>;
  readonly mix: (tokenizedFolder: string, folder: string) => Promise<unknown>;
}

export function shardWork(tokenizerJson: string): ShardWork {
  const encoder = createEncoder(parseTokenizerJson(tokenizerJson));
  const tokenizerDigest = createHash("sha256").update(tokenizerJson).digest("hex");
  return {
    tokenize: (documents, folder) =>
      tokenizeDocuments(documents, encoder, folder, { tokenizerDigest, shardTokens: 4000 }),
    mix: async (tokenizedFolder, folder) => {
      const tokenized = await openShards(tokenizedFolder);
      try {
        await mixShards(tokenized, folder, {
          rules: [
            { language: "zh", weight: 1 },
            { language: "en", weight: 2 },
          ],
          validationFraction: 0.1,
          seed: 1,
          shardTokens: 4000,
          endOfText: encoder.specialTokenId("<|endoftext|>"),
          memoryBytes: 30_000,
        });
      } finally {
        await tokenized.close();
      }
    },
  };
}
