/**
 * Makes training and validation shards out of tokenized documents: mixed by token weights, split by content hash,
 * shuffled with a recorded seed, an `<|endoftext|>` after each document. Tokens stream from shard to shard; only the
 * index of the documents is in memory.
 */
import { createRandom } from "../random.ts";
import type { TokenShards } from "./open-shards.ts";
import { type DocumentIndex, type MixOptions, type MixShare, planMix } from "./plan-mix.ts";
import { entryNumbers, shardInvalid } from "./shard-format.ts";
import type { ShardManifest } from "./shard-manifest.ts";
import { documentsSplit } from "./tokenize-documents.ts";
import { createShardWriter } from "./write-shards.ts";

export const trainSplit = "train";
export const validationSplit = "validation";

export interface MixShardsOptions extends MixOptions {
  readonly seed: number;
  readonly shardTokens: number;
  /** Id of `<|endoftext|>`. */
  readonly endOfText: number;
  readonly signal?: AbortSignal;
  /** Called with the share of documents written, 0 to 1. */
  readonly onProgress?: (share: number) => void;
}

export interface MixResult {
  readonly manifest: ShardManifest;
  /** By rule: tokens available, asked and got. */
  readonly shares: readonly MixShare[];
}

/** Documents read at once; one after the other, a disk would wait for each. */
const readsAtOnce = 64;

/** `tokenized` is what `tokenizeDocuments` wrote. Throws as `planMix` and `openShards` do. */
export async function mixShards(
  tokenized: TokenShards,
  folder: string,
  options: MixShardsOptions,
): Promise<MixResult> {
  const { tokenizerDigest, vocabSize } = tokenized.manifest;
  const reader = tokenized.split(documentsSplit);
  const index = await readIndex(tokenized);
  const plan = planMix(index, options, createRandom(options.seed));
  const total = plan.train.length + plan.validation.length;
  const writer = await createShardWriter(folder, {
    tokenizerDigest,
    vocabSize,
    shardTokens: options.shardTokens,
  });

  const readDocument = async (document: number): Promise<Uint32Array> => {
    const count = index.entries[document * entryNumbers] as number;
    const ids = new Int32Array(count + 1);
    await reader.read(index.firstTokens[document] as number, count, ids);
    ids[count] = options.endOfText;
    return new Uint32Array(ids.buffer);
  };

  try {
    let written = 0;
    for (const [split, documents] of [
      [trainSplit, plan.train],
      [validationSplit, plan.validation],
    ] as const) {
      for (let start = 0; start < documents.length; start += readsAtOnce) {
        const block = [...documents.subarray(start, start + readsAtOnce)];
        const tokens = await Promise.all(block.map(readDocument));
        for (const [at, document] of block.entries()) {
          const [, bytes = 0, high = 0, low = 0, stratumIndex = 0] = index.entries.subarray(
            document * entryNumbers,
            (document + 1) * entryNumbers,
          );
          const stratum = index.strata[stratumIndex];
          const ids = tokens[at];
          if (stratum === undefined || ids === undefined) {
            throw shardInvalid(
              documentsSplit,
              `document ${document} is of stratum ${stratumIndex}, which is not listed`,
            );
          }
          await writer.append({ split, stratum, ids, bytes, hash: [high, low] });
        }
        written += block.length;
        options.onProgress?.(written / total);
        options.signal?.throwIfAborted();
      }
    }
    const manifest = await writer.close({
      seed: options.seed,
      validationFraction: options.validationFraction,
      shares: plan.shares.map((share) => ({ ...share })),
      dropped: { ...plan.dropped },
    });
    return { manifest, shares: plan.shares };
  } catch (error) {
    await writer.abort();
    throw error;
  }
}

async function readIndex(tokenized: TokenShards): Promise<DocumentIndex> {
  const reader = tokenized.split(documentsSplit);
  const size = reader.totals.documents;
  const firstTokens = new Float64Array(size);
  const entries = new Uint32Array(size * entryNumbers);
  let document = 0;
  for await (const shard of reader.documentBlocks()) {
    entries.set(shard.entries, document * entryNumbers);
    let token = shard.firstToken;
    for (let at = 0; at < shard.entries.length; at += entryNumbers) {
      firstTokens[document++] = token;
      token += shard.entries[at] as number;
    }
  }
  return { size, firstTokens, entries, strata: tokenized.manifest.strata };
}
