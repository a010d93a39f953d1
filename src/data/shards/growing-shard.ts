/** One shard while it is written: its two files and what is in them so far. */
import { type FileHandle, open } from "node:fs/promises";
import { join } from "node:path";
import { BlockWriter } from "./block-writer.ts";
import {
  bytesPerTokenFor,
  type DocumentEntry,
  encodeHeader,
  entryBytes,
  headerBytes,
  putEntry,
} from "./shard-format.ts";
import type { ShardTotals } from "./shard-manifest.ts";

export type MutableTotals = { -readonly [Unit in keyof ShardTotals]: ShardTotals[Unit] };

const tokenBlockBytes = 1 << 20;
const entryBlockBytes = 1 << 16;
/** After so many the disk is told to begin, so that it works while the rest is made and little is left at the end. */
const syncedBytes = 1 << 25;

export function noTotals(): MutableTotals {
  return { documents: 0, tokens: 0, bytes: 0 };
}

export function addTo(totals: MutableTotals, tokens: number, bytes: number): void {
  totals.documents++;
  totals.tokens += tokens;
  totals.bytes += bytes;
}

interface ShardOptions {
  readonly tokenizerDigest: string;
  readonly vocabSize: number;
}

export class GrowingShard {
  readonly totals = noTotals();
  readonly #name: string;
  readonly #tokenFile: FileHandle;
  readonly #documentFile: FileHandle;
  readonly #options: ShardOptions;
  readonly #tokens: BlockWriter;
  readonly #entries: BlockWriter;
  readonly #entry = Buffer.alloc(entryBytes);
  #unsynced = 0;
  #syncing: Promise<void> = Promise.resolve();

  private constructor(name: string, tokenFile: FileHandle, documentFile: FileHandle, options: ShardOptions) {
    this.#name = name;
    this.#tokenFile = tokenFile;
    this.#documentFile = documentFile;
    this.#options = options;
    this.#tokens = new BlockWriter(tokenFile, tokenBlockBytes);
    this.#entries = new BlockWriter(documentFile, entryBlockBytes);
  }

  static async create(folder: string, name: string, options: ShardOptions): Promise<GrowingShard> {
    const tokenFile = await open(join(folder, `${name}.tokens`), "w");
    try {
      const documentFile = await open(join(folder, `${name}.documents`), "w");
      const shard = new GrowingShard(name, tokenFile, documentFile, options);
      // Zeros at first: a shard that was not finished has no magic.
      await shard.#tokens.append(Buffer.alloc(headerBytes));
      return shard;
    } catch (error) {
      await tokenFile.close();
      throw error;
    }
  }

  /** `entry.tokens` counts the separator. Waits as `BlockWriter.append` does. */
  append(entry: DocumentEntry, tokens: Uint8Array, separator: Uint8Array): Promise<void> | undefined {
    addTo(this.totals, entry.tokens, entry.bytes);
    if ((this.#unsynced += tokens.length) > syncedBytes) this.#beginSync();
    const writing = this.#tokens.append(tokens, separator);
    putEntry(this.#entry, entry);
    const alsoWriting = this.#entries.append(this.#entry);
    if (writing === undefined) return alsoWriting;
    return alsoWriting === undefined ? writing : Promise.all([writing, alsoWriting]).then(() => undefined);
  }

  async finish(): Promise<ShardTotals & { name: string }> {
    await this.#tokens.flush();
    await this.#entries.flush();
    await this.#syncing;
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
    await this.#syncing.catch(() => undefined); // what went wrong first is what the caller knows
    await this.#tokenFile.close();
    await this.#documentFile.close();
  }

  #beginSync(): void {
    this.#unsynced = 0;
    this.#syncing = this.#syncing.then(() => this.#tokenFile.datasync());
    this.#syncing.catch(() => undefined); // thrown by `finish`
  }
}
