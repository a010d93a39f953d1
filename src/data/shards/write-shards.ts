/**
 * Writes token shards as a stream: a document at a time, never more in memory than a block. Documents are not cut
 * between shards. Files are synced to disk at close, the manifest last.
 */
import { mkdir, open, rm } from "node:fs/promises";
import { join } from "node:path";
import { userError } from "../../errors.ts";
import type { JsonObject } from "../../std/json.ts";
import { syncFolder } from "../../std/sync-folder.ts";
import { addTo, GrowingShard, type MutableTotals, noTotals } from "./growing-shard.ts";
import { bytesPerTokenFor, type DocumentEntry, packTokens } from "./shard-format.ts";
import { manifestName, type ShardManifest, type ShardTotals, type Stratum } from "./shard-manifest.ts";

export interface ShardWriterOptions {
  /** SHA-256 of tokenizer.json, 64 hex digits. */
  readonly tokenizerDigest: string;
  readonly vocabSize: number;
  /** A shard is closed before the document that would carry it beyond this many tokens. */
  readonly shardTokens: number;
  /** Id of the token that each document is closed with, one of its tokens then (default: none is). */
  readonly endOfText?: number;
}

export interface WrittenDocument extends Omit<DocumentEntry, "tokens" | "stratum"> {
  readonly split: string;
  readonly stratum: Stratum;
  /** As `packTokens` makes them. */
  readonly tokens: Uint8Array;
}

export interface ShardWriter {
  /** One after the other. A promise only where there is something to wait for; until then the tokens must not change. */
  append(document: WrittenDocument): Promise<void> | undefined;
  /** Finishes all shards and writes the manifest. */
  close(details?: JsonObject): Promise<ShardManifest>;
  /** Closes the files and leaves them unfinished: without a manifest, nothing reads them. */
  abort(): Promise<void>;
}

interface OpenSplit {
  readonly totals: MutableTotals;
  readonly strata: MutableTotals[];
  readonly shards: (ShardTotals & { name: string })[];
  current: GrowingShard | undefined;
  /** A full shard that is being synced while the next is filled; `done` adds it to `shards`. */
  closing: { readonly shard: GrowingShard; readonly done: Promise<unknown> } | undefined;
  /** Shards begun, among them those of `shards`. */
  begun: number;
}

/** Creates the folder. Throws SHARD_OPTIONS for sizes that cannot work. */
export async function createShardWriter(folder: string, options: ShardWriterOptions): Promise<ShardWriter> {
  const { tokenizerDigest, vocabSize, shardTokens, endOfText } = options;
  if (!Number.isInteger(shardTokens) || shardTokens < 1) {
    throw userError("SHARD_OPTIONS", `shardTokens must be a positive integer, not ${shardTokens}.`);
  }
  if (!/^[0-9a-f]{64}$/.test(tokenizerDigest)) {
    throw userError("SHARD_OPTIONS", `The tokenizer's digest must be 64 hex digits, not ${tokenizerDigest}.`);
  }
  await mkdir(folder, { recursive: true });
  // Shards that were written here before must not pass for whole while they are overwritten.
  await rm(join(folder, manifestName), { force: true });

  const splits = new Map<string, OpenSplit>();
  const strata: Stratum[] = [];
  /** By name, and by the first object of that name: mixing passes the same ones again and again. */
  const stratumIndexes = new Map<string | Stratum, number>();

  const stratumIndex = (stratum: Stratum): number => {
    const found = stratumIndexes.get(stratum);
    if (found !== undefined) return found;
    const { source, language, category } = stratum;
    const key = JSON.stringify([source, language, category]);
    let index = stratumIndexes.get(key);
    if (index === undefined) {
      index = strata.push({ source, language, category }) - 1;
      stratumIndexes.set(key, index).set(stratum, index);
    }
    return index;
  };

  const finishShard = async (split: OpenSplit): Promise<void> => {
    await split.closing?.done;
    split.closing = undefined;
    if (split.current === undefined) return;
    const shard = split.current;
    const done = shard.finish().then((finished) => split.shards.push(finished));
    done.catch(() => undefined); // thrown when it is waited for, by the next or by `close`
    split.closing = { shard, done };
    split.current = undefined;
  };

  const bytesPerToken = bytesPerTokenFor(vocabSize);
  const separator = packTokens(Uint32Array.from(endOfText === undefined ? [] : [endOfText]), bytesPerToken);

  function append(document: WrittenDocument): Promise<void> | undefined {
    const tokens = (document.tokens.length + separator.length) / bytesPerToken;
    const split = splits.get(document.split);
    const shard = split?.current;
    if (split === undefined || shard === undefined || shard.totals.tokens + tokens > shardTokens)
      return beginShard(document.split).then(([split, shard]) => write(split, shard, document, tokens));
    return write(split, shard, document, tokens);
  }

  function write(
    split: OpenSplit,
    shard: GrowingShard,
    { tokens, bytes, hash, stratum }: WrittenDocument,
    count: number,
  ): Promise<void> | undefined {
    const index = stratumIndex(stratum);
    while (split.strata.length <= index) split.strata.push(noTotals());
    addTo(split.totals, count, bytes);
    addTo(split.strata[index] as MutableTotals, count, bytes);
    return shard.append({ tokens: count, bytes, hash, stratum: index }, tokens, separator);
  }

  async function beginShard(name: string): Promise<readonly [OpenSplit, GrowingShard]> {
    let split = splits.get(name);
    if (split === undefined) {
      split = {
        totals: noTotals(),
        strata: [],
        shards: [],
        current: undefined,
        closing: undefined,
        begun: 0,
      };
      splits.set(name, split);
    }
    if (split.current !== undefined) await finishShard(split);
    const number = String(split.begun++).padStart(5, "0");
    split.current = await GrowingShard.create(folder, `${name}-${number}`, options);
    return [split, split.current];
  }

  async function close(details: JsonObject = {}) {
    for (const split of splits.values()) {
      await finishShard(split); // begins
      await finishShard(split); // and ends
      while (split.strata.length < strata.length) split.strata.push(noTotals());
    }
    const manifest: ShardManifest = {
      format: "token-shards",
      version: 1,
      tokenizerDigest,
      vocabSize,
      strata,
      splits: Object.fromEntries(
        [...splits].map(([name, split]) => [
          name,
          { totals: split.totals, shards: split.shards, strata: split.strata },
        ]),
      ),
      details: details as ShardManifest["details"],
    };
    const file = await open(join(folder, manifestName), "w");
    try {
      await file.writeFile(`${JSON.stringify(manifest, null, 2)}\n`);
      await file.sync();
    } finally {
      await file.close();
    }
    await syncFolder(folder);
    return manifest;
  }

  async function abort() {
    for (const { current, closing } of splits.values()) {
      await closing?.done.catch(() => undefined); // what went wrong first is what the caller knows
      await closing?.shard.discard();
      await current?.discard();
    }
  }

  return { append, close, abort };
}
