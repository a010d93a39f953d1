/** Encodes every document of the corpus once, held-out ones included: mixing and splitting them is `shard`'s. */
import { availableParallelism } from "node:os";
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
    maxDocumentCharacters: z
      .int()
      .positive()
      .default(2 ** 24)
      .describe("longer documents are dropped and counted"),
    workers: z.int().min(0).default(0).describe("threads that encode; 0: one for each CPU"),
  }),
  runtimeParams: ["workers"],
  resources: { cpus: Infinity },
  async run({ inputs, outputs, params, context }) {
    const { corpus, tokenizer } = inputs;
    const total = corpus.manifest.files.reduce((sum, { records }) => sum + records, 0);
    const both = concatenated(corpus.documents("train"), corpus.documents("heldout"));
    const { splits, details } = await tokenizeDocuments(
      both,
      tokenizer.createEncoder(),
      outputs.tokens.directory,
      {
        tokenizerDigest: tokenizer.digest,
        shardTokens: params.shardTokens,
        maxDocumentCharacters: params.maxDocumentCharacters,
        workers: params.workers || availableParallelism(),
        signal: context.signal,
        onProgress: ({ documents }) => context.progress({ done: documents, total, unit: "documents" }),
      },
    );
    context.log(`dropped: ${JSON.stringify(details["dropped"])}`);
    return { tokens: outputs.tokens.written({ ...splits["documents"]?.totals }) };
  },
});

async function* concatenated(...parts: AsyncIterable<DataDocument>[]): AsyncGenerator<DataDocument> {
  for (const part of parts) yield* part;
}
