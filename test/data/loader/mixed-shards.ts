/** The golden corpus as train and validation shards, opened for the length of a test. */
import { onTestFinished } from "vitest";
import { mixShards } from "../../../src/data/shards/mix-shards.ts";
import { openShards, type TokenShards } from "../../../src/data/shards/open-shards.ts";
import { tokenizeDocuments } from "../../../src/data/shards/tokenize-documents.ts";
import { documents, encoder, endOfText, temporaryFolder, tokenizerDigest } from "../shards/corpus.ts";

export async function openMixedShards(): Promise<TokenShards> {
  const tokenizedFolder = temporaryFolder();
  await tokenizeDocuments(documents, encoder, tokenizedFolder, { tokenizerDigest, shardTokens: 10_000 });
  const tokenized = await openShards(tokenizedFolder);
  onTestFinished(() => tokenized.close());
  const folder = temporaryFolder();
  await mixShards(tokenized, folder, { validationFraction: 0.2, seed: 1, shardTokens: 1500, endOfText });
  const shards = await openShards(folder);
  onTestFinished(() => shards.close());
  return shards;
}
