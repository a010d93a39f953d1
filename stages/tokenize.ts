/** Encodes every document of the corpus once, held-out ones included: mixing and splitting them is `shard`'s. */
import { z } from "zod";
import type { DataDocument } from "../src/data/records.ts";
import { tokenizeDocuments } from "../src/data/shards/tokenize-documents.ts";
import { defineStage } from "../src/pipeline/index.ts";
import { CorpusArtifact } from "./dataset-artifacts.ts";
import { TokensArtifact } from "./shard-artifacts.ts";
import { TokenizerArtifact } from "./tokenizer-artifact.ts";

export const tokenize = defineStage({
  name: "tokenize",
  description: "encode every document of the corpus",
  inputs: { corpus: CorpusArtifact, tokenizer: TokenizerArtifact },
  outputs: { tokens: TokensArtifact },
  params: z.strictObject({
    shardTokens: z.int().positive().default(100_000_000).describe("tokens in one file, about"),
  }),
  async run({ inputs, outputs, params, context }) {
    const { corpus, tokenizer } = inputs;
    const total = corpus.manifest.files.reduce((sum, { records }) => sum + records, 0);
    const both = concatenated(corpus.documents("train"), corpus.documents("heldout"));
    const { splits } = await tokenizeDocuments(both, tokenizer.createEncoder(), outputs.tokens.directory, {
      tokenizerDigest: tokenizer.digest,
      shardTokens: params.shardTokens,
      signal: context.signal,
      onProgress: ({ documents }) => context.progress({ done: documents, total, unit: "documents" }),
    });
    return { tokens: outputs.tokens.written({ ...splits["documents"]?.totals }) };
  },
});

async function* concatenated(...parts: AsyncIterable<DataDocument>[]): AsyncGenerator<DataDocument> {
  for (const part of parts) yield* part;
}
