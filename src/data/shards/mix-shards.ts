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
import type { SplitReader, TokenShards } from "./open-shards.ts";
import { type MixPlan, type MixShare, type MixSide, planMix } from "./plan-mix.ts";
import { type BytesPerToken, bytesPerTokenFor, entryNumbers, shardInvalid } from "./shard-format.ts";
import type { ShardManifest } from "./shard-manifest.ts";
import { RecordSorter } from "./sort-records.ts";
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
  const plan = await planMix(() => reader.documentBlocks(), strata, options);
  const writer = await createShardWriter(folder, {
    tokenizerDigest,
    vocabSize,
    shardTokens: options.shardTokens,
    endOfText: options.endOfText,
  });
  const unsorted = join(folder, "unsorted");
  const sorter = new RecordSorter({ folder: unsorted, memoryBytes });
  try {
    const width = bytesPerTokenFor(vocabSize);
    const ordering = createRandom(options.seed).fork("order").nextUint32();
    let chosen = 0;
    for await (const { range, tokens } of readRanges(reader, plan, width)) {
      await addRange(sorter, range, tokens, { ordering, width });
      chosen += range.documents.length;
      onProgress?.(range.end / reader.totals.tokens / 2);
      signal?.throwIfAborted();
    }
    let written = 0;
    for await (const records of sorter.sorted()) {
      for (const { side, bytes, hash, tokens, stratum: index } of records) {
        const stratum = strata[index];
        if (stratum === undefined) throw shardInvalid(unsorted, `it has no stratum ${index}`);
        const appended = writer.append({ split: side, stratum, tokens, bytes, hash });
        if (appended !== undefined) await appended;
        if (++written % 4096 > 0) continue;
        onProgress?.((1 + written / chosen) / 2);
        signal?.throwIfAborted();
      }
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
    await sorter.close();
    await rm(unsorted, { recursive: true, force: true });
  }
}

interface ChosenDocument {
  /** Among all documents. */
  readonly number: number;
  readonly side: MixSide;
  readonly firstToken: number;
  /** Where its numbers are among the range's. */
  readonly at: number;
}

/** Neighbouring documents, but for those that were not chosen: tokens [start, end) of the split. */
interface Range {
  readonly start: number;
  end: number;
  readonly entries: Uint32Array;
  readonly documents: ChosenDocument[];
}

async function* ranges(reader: SplitReader, plan: MixPlan): AsyncGenerator<Range> {
  let number = 0;
  for await (const { firstToken, entries } of reader.documentBlocks()) {
    let range: Range | undefined;
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
      range ??= { start, end: token, entries, documents: [] };
      range.end = token;
      range.documents.push({ number, side, firstToken: start, at });
    }
    if (range !== undefined) yield range;
  }
}

/** Ranges with their tokens as they stand in the file, which hold until the next is asked for. */
async function* readRanges(reader: SplitReader, plan: MixPlan, width: BytesPerToken) {
  const rooms = Array.from({ length: readsAtOnce }, () => new ArrayBuffer(rangeTokens * width));
  const read = async (range: Range) => {
    const count = range.end - range.start;
    // A document may have more tokens than a range: it gets a room of its own.
    const room = count > rangeTokens ? undefined : rooms.pop();
    return { range, room, tokens: await reader.readPacked(range.start, count, room) };
  };
  for await (const one of mapInOrder(ranges(reader, plan), readsAtOnce, read)) {
    yield one;
    if (one.room !== undefined) rooms.push(one.room);
  }
}

/** `tokens` are those of the range, as they stand in the file. */
async function addRange(
  sorter: RecordSorter,
  { start, entries, documents }: Range,
  tokens: Buffer,
  { ordering, width }: { readonly ordering: number; readonly width: BytesPerToken },
): Promise<void> {
  for (const { number, side, firstToken, at } of documents) {
    const high = entries[at + 2] as number;
    const low = entries[at + 3] as number;
    // Its number too, so that copies of a text do not end up side by side.
    const key = mixBits(mixBits(mixBits(ordering ^ high) ^ low) ^ number) >>> 0;
    const head = {
      key,
      side,
      bytes: entries[at + 1] as number,
      hash: [high, low] as const,
      stratum: entries[at + 4] as number,
    };
    const from = (firstToken - start) * width;
    const added = sorter.add(head, tokens.subarray(from, from + (entries[at] as number) * width));
    if (added !== undefined) await added;
  }
}
