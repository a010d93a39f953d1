/**
 * Makes training and validation shards out of tokenized documents: mixed by token weights, split by content hash,
 * shuffled with a recorded seed, an `<|endoftext|>` after each document. Memory does not grow with the corpus.
 */
import { rm } from "node:fs/promises";
import { join } from "node:path";
import { mixBits } from "../../std/mix-bits.ts";
import { mapInOrder } from "../../std/worker-pool.ts";
import { createRandom } from "../random.ts";
import { defaultMixMemoryBytes } from "./disk-need.ts";
import type { MixOptions } from "./mix-rules.ts";
import { putHead, recordBytes } from "./mixed-record.ts";
import type { DocumentBlock, TokenShards } from "./open-shards.ts";
import { type MixPlan, type MixShare, type MixSide, planMix } from "./plan-mix.ts";
import { bytesPerTokenFor, entryNumbers, packTokens, shardInvalid } from "./shard-format.ts";
import type { ShardManifest } from "./shard-manifest.ts";
import { sortRecords } from "./sort-records.ts";
import { documentsSplit } from "./tokenize-documents.ts";
import { createShardWriter } from "./write-shards.ts";

export const trainSplit: MixSide = "train";
export const validationSplit: MixSide = "validation";

export interface MixShardsOptions extends MixOptions {
  readonly shardTokens: number;
  /** Id of `<|endoftext|>`. */
  readonly endOfText: number;
  /** Documents that are sorted in memory; more go through files. The result is the same. Default: 128 MiB. */
  readonly memoryBytes?: number;
  readonly signal?: AbortSignal;
  /** Called with the share of the work that is done, 0 to 1. */
  readonly onProgress?: (share: number) => void;
}

export interface MixResult {
  readonly manifest: ShardManifest;
  /** By rule: tokens available, asked and got. */
  readonly shares: readonly MixShare[];
}

/** Tokens of neighbouring documents that are read at once, and how many such reads are under way. */
const rangeTokens = 1 << 20;
const readsAtOnce = 3;

/**
 * `tokenized` is what `tokenizeDocuments` wrote. While it runs, `folder` takes what `mixingBytes` says. Throws as `planMix` and `openShards` do.
 */
export async function mixShards(
  tokenized: TokenShards,
  folder: string,
  options: MixShardsOptions,
): Promise<MixResult> {
  const { signal, onProgress, memoryBytes = defaultMixMemoryBytes } = options;
  const { tokenizerDigest, vocabSize, strata } = tokenized.manifest;
  const reader = tokenized.split(documentsSplit);
  const blocks = () => reader.documentBlocks();
  const plan = await planMix(blocks, strata, options);
  const writer = await createShardWriter(folder, {
    tokenizerDigest,
    vocabSize,
    shardTokens: options.shardTokens,
  });
  const unsorted = join(folder, "unsorted");

  let chosen = 0;
  async function* chunks(): AsyncGenerator<Buffer> {
    const separator = packTokens(Uint32Array.of(options.endOfText), bytesPerTokenFor(vocabSize));
    const ordering = createRandom(options.seed).fork("order").nextUint32();
    const read = async (range: Range) =>
      recordsOf(range, await reader.readPacked(range.start, range.end - range.start), separator, ordering);
    for await (const { chunk, documents, end } of mapInOrder(ranges(blocks(), plan), readsAtOnce, read)) {
      chosen += documents;
      onProgress?.(end / reader.totals.tokens / 2);
      signal?.throwIfAborted();
      yield chunk;
    }
  }

  try {
    let written = 0;
    for await (const record of sortRecords(chunks(), { folder: unsorted, memoryBytes })) {
      const { side, bytes, hash, tokens } = record;
      const stratum = strata[record.stratum];
      if (stratum === undefined) throw shardInvalid(unsorted, `it has no stratum ${record.stratum}`);
      await writer.append({ split: side, stratum, tokens, bytes, hash });
      if (++written % 4096 > 0) continue;
      onProgress?.((1 + written / chosen) / 2);
      signal?.throwIfAborted();
    }
    const shares = plan.shares();
    const manifest = await writer.close({
      seed: options.seed,
      validationFraction: options.validationFraction,
      shares: shares.map((share) => ({ ...share })),
      dropped: { ...plan.dropped },
    });
    onProgress?.(1);
    return { manifest, shares };
  } catch (error) {
    await writer.abort();
    throw error;
  } finally {
    await rm(unsorted, { recursive: true, force: true });
  }
}

interface ChosenDocument {
  /** Among all documents. */
  readonly number: number;
  readonly side: MixSide;
  readonly firstToken: number;
  readonly entry: Uint32Array;
}

/** Neighbouring documents, but for those that were not chosen: tokens [start, end) of the split. */
interface Range {
  readonly start: number;
  end: number;
  readonly documents: ChosenDocument[];
}

async function* ranges(blocks: AsyncIterable<DocumentBlock>, plan: MixPlan): AsyncGenerator<Range> {
  let range: Range | undefined;
  let number = 0;
  for await (const { firstToken, entries } of blocks) {
    let token = firstToken;
    for (let at = 0; at < entries.length; at += entryNumbers, number++) {
      const start = token;
      token += entries[at] as number;
      const side = plan.sideOf(entries, at);
      if (side === undefined) continue;
      if (range !== undefined && token - range.start > rangeTokens) {
        yield range;
        range = undefined;
      }
      range ??= { start, end: token, documents: [] };
      range.end = token;
      const entry = entries.subarray(at, at + entryNumbers);
      range.documents.push({ number, side, firstToken: start, entry });
    }
  }
  if (range !== undefined) yield range;
}

/** `tokens` are those of the range, as they stand in the file. */
function recordsOf({ start, end, documents }: Range, tokens: Buffer, separator: Buffer, ordering: number) {
  const width = separator.length;
  const sizes = documents.map(({ entry: [count = 0] }) => (count + 1) * width);
  const chunk = Buffer.allocUnsafeSlow(sizes.reduce((sum, size) => sum + recordBytes(size), 0));
  let place = 0;
  for (const [index, { number, side, firstToken, entry }] of documents.entries()) {
    const [count = 0, bytes = 0, high = 0, low = 0, stratum = 0] = entry;
    // Its number too, so that copies of a text do not end up side by side.
    const key = mixBits(mixBits(mixBits(ordering ^ high) ^ low) ^ number) >>> 0;
    place = putHead(chunk, place, { key, side, bytes, hash: [high, low], stratum }, sizes[index] ?? 0);
    const from = (firstToken - start) * width;
    place += tokens.copy(chunk, place, from, from + count * width);
    place += separator.copy(chunk, place);
  }
  return { chunk, documents: documents.length, end };
}
