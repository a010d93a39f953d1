/**
 * Writes token shards as a stream: a document at a time, never more in memory than a block. Documents are not cut
 * between shards. Files are synced to disk at close, the manifest last.
 */
import { type FileHandle, mkdir, open, rm } from "node:fs/promises";
import { join } from "node:path";
import { userError } from "../../errors.ts";
import type { JsonObject } from "../../std/json.ts";
import { syncFolder } from "../../std/sync-folder.ts";
import { BlockWriter } from "./block-writer.ts";
import {
  bytesPerTokenFor,
  type DocumentEntry,
  encodeHeader,
  headerBytes,
  packEntry,
} from "./shard-format.ts";
import { manifestName, type ShardManifest, type ShardTotals, type Stratum } from "./shard-manifest.ts";

export interface ShardWriterOptions {
  /** SHA-256 of tokenizer.json, 64 hex digits. */
  readonly tokenizerDigest: string;
  readonly vocabSize: number;
  /** A shard is closed before the document that would carry it beyond this many tokens. */
  readonly shardTokens: number;
}

export interface WrittenDocument extends Omit<DocumentEntry, "tokens" | "stratum"> {
  readonly split: string;
  readonly stratum: Stratum;
  /** As `packTokens` makes them. */
  readonly tokens: Uint8Array;
}

export interface ShardWriter {
  append(document: WrittenDocument): Promise<void>;
  /** Finishes all shards and writes the manifest. */
  close(details?: JsonObject): Promise<ShardManifest>;
  /** Closes the files and leaves them unfinished: without a manifest, nothing reads them. */
  abort(): Promise<void>;
}

interface OpenSplit {
  readonly totals: MutableTotals;
  readonly strata: MutableTotals[];
  readonly shards: (ShardTotals & { name: string })[];
  current: OpenShard | undefined;
  /** A full shard that is being synced while the next is filled; `done` adds it to `shards`. */
  closing: { readonly shard: OpenShard; readonly done: Promise<unknown> } | undefined;
  /** Shards begun, among them those of `shards`. */
  begun: number;
}

type MutableTotals = { -readonly [Unit in keyof ShardTotals]: ShardTotals[Unit] };

const tokenBlockBytes = 1 << 20;
const entryBlockBytes = 1 << 16;

/** Creates the folder. Throws SHARD_OPTIONS for sizes that cannot work. */
export async function createShardWriter(folder: string, options: ShardWriterOptions): Promise<ShardWriter> {
  const { tokenizerDigest, vocabSize, shardTokens } = options;
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
  const stratumIndexes = new Map<string, number>();

  const stratumIndex = ({ source, language, category }: Stratum): number => {
    const key = JSON.stringify([source, language, category]);
    let index = stratumIndexes.get(key);
    if (index === undefined) {
      index = strata.push({ source, language, category }) - 1;
      stratumIndexes.set(key, index);
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
  async function append({ split: splitName, stratum, tokens, bytes, hash }: WrittenDocument) {
    const count = tokens.length / bytesPerToken;
    let split = splits.get(splitName);
    if (split === undefined) {
      split = {
        totals: noTotals(),
        strata: [],
        shards: [],
        current: undefined,
        closing: undefined,
        begun: 0,
      };
      splits.set(splitName, split);
    }
    if (split.current !== undefined && split.current.totals.tokens + count > shardTokens) {
      await finishShard(split);
    }
    if (split.current === undefined) {
      const number = String(split.begun++).padStart(5, "0");
      split.current = await OpenShard.create(folder, `${splitName}-${number}`, options);
    }
    const index = stratumIndex(stratum);
    while (split.strata.length <= index) split.strata.push(noTotals());
    for (const totals of [split.totals, split.strata[index]]) addTo(totals, count, bytes);
    await split.current.append({ tokens: count, bytes, hash, stratum: index }, tokens);
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

function noTotals(): MutableTotals {
  return { documents: 0, tokens: 0, bytes: 0 };
}

function addTo(totals: MutableTotals | undefined, tokens: number, bytes: number): void {
  if (totals === undefined) return;
  totals.documents++;
  totals.tokens += tokens;
  totals.bytes += bytes;
}

class OpenShard {
  readonly totals = noTotals();
  readonly #name: string;
  readonly #tokenFile: FileHandle;
  readonly #documentFile: FileHandle;
  readonly #options: ShardWriterOptions;
  readonly #tokens: BlockWriter;
  readonly #entries: BlockWriter;

  private constructor(
    name: string,
    tokenFile: FileHandle,
    documentFile: FileHandle,
    options: ShardWriterOptions,
  ) {
    this.#name = name;
    this.#tokenFile = tokenFile;
    this.#documentFile = documentFile;
    this.#options = options;
    this.#tokens = new BlockWriter(tokenFile, tokenBlockBytes);
    this.#entries = new BlockWriter(documentFile, entryBlockBytes);
  }

  static async create(folder: string, name: string, options: ShardWriterOptions): Promise<OpenShard> {
    const tokenFile = await open(join(folder, `${name}.tokens`), "w");
    try {
      const documentFile = await open(join(folder, `${name}.documents`), "w");
      const shard = new OpenShard(name, tokenFile, documentFile, options);
      // Zeros at first: a shard that was not finished has no magic.
      await shard.#tokens.append(Buffer.alloc(headerBytes));
      return shard;
    } catch (error) {
      await tokenFile.close();
      throw error;
    }
  }

  async append(entry: DocumentEntry, tokens: Uint8Array): Promise<void> {
    addTo(this.totals, entry.tokens, entry.bytes);
    await this.#tokens.append(tokens);
    await this.#entries.append(packEntry(entry));
  }

  async finish(): Promise<ShardTotals & { name: string }> {
    await this.#tokens.flush();
    await this.#entries.flush();
    const header = encodeHeader({
      bytesPerToken: bytesPerTokenFor(this.#options.vocabSize),
      tokens: this.totals.tokens,
      documents: this.totals.documents,
      tokenizerDigest: this.#options.tokenizerDigest,
    });
    await this.#tokenFile.write(header, 0, headerBytes, 0);
    for (const file of [this.#tokenFile, this.#documentFile]) {
      await file.sync();
      await file.close();
    }
    return { name: this.#name, ...this.totals };
  }

  async discard(): Promise<void> {
    await this.#tokenFile.close();
    await this.#documentFile.close();
  }
}
