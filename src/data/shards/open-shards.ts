/**
 * Reads token shards by range, with positioned reads: never a whole file. What a header, a file size and the manifest
 * say is compared before the first token is believed.
 */
import { type FileHandle, open, readFile, stat } from "node:fs/promises";
import { join } from "node:path";
import { PipelineError } from "../../errors.ts";
import { allBelow } from "./all-below.ts";
import {
  type BytesPerToken,
  bytesPerTokenFor,
  decodeHeader,
  entryBytes,
  entryNumbers,
  headerBytes,
  shardInvalid,
  tokenRoom,
  unpackNumbers,
} from "./shard-format.ts";
import {
  manifestName,
  parseManifest,
  type ShardManifest,
  type ShardSplit,
  type ShardTotals,
} from "./shard-manifest.ts";

/** The tokens of one split, end to end over its shards. */
export interface SplitReader {
  readonly totals: ShardTotals;
  /**
   * All documents in order, a block at a time: `entryNumbers` numbers a document (see shard-format.ts). Throws
   * SHARD_INVALID where they do not add up to what the shards and the manifest say.
   */
  documentBlocks(): AsyncGenerator<DocumentBlock>;
  /**
   * Reads tokens [start, start + count) into `out` from `at` on. Throws RangeError outside of the split, SHARD_INVALID for
   * a token that is not in the vocabulary.
   */
  read(start: number, count: number, out: Int32Array, at?: number): Promise<void>;
  /** The same tokens as they stand in the file, at the beginning of `room` (default: a new one). Throws as `read` does. */
  readPacked(start: number, count: number, room?: ArrayBuffer): Promise<Buffer>;
}

export interface DocumentBlock {
  readonly firstToken: number;
  readonly entries: Uint32Array;
}

export interface TokenShards {
  readonly manifest: ShardManifest;
  /** Throws SHARD_SPLIT_UNKNOWN. */
  split(name: string): SplitReader;
  close(): Promise<void>;
}

/**
 * Opens a folder of shards and checks every header and size; with `tokenizerDigest`, also that it was made by that
 * tokenizer. Throws SHARD_INVALID naming the file and what disagrees.
 */
export async function openShards(
  folder: string,
  { tokenizerDigest }: { readonly tokenizerDigest?: string } = {},
): Promise<TokenShards> {
  const manifestFile = join(folder, manifestName);
  const text = await readFile(manifestFile, "utf8").catch((error: unknown) => {
    throw shardInvalid(manifestFile, "it cannot be read", error);
  });
  const manifest = parseManifest(text, manifestFile);
  if (tokenizerDigest !== undefined && manifest.tokenizerDigest !== tokenizerDigest) {
    throw shardInvalid(
      manifestFile,
      `it was made with the tokenizer ${manifest.tokenizerDigest}, not with ${tokenizerDigest}`,
    );
  }
  const handles: FileHandle[] = [];
  const close = async () => {
    for (const handle of handles.splice(0)) await handle.close();
  };
  try {
    const splits = new Map<string, SplitReader>();
    for (const [name, split] of Object.entries(manifest.splits)) {
      const shards: ReadableShard[] = [];
      let firstToken = 0;
      for (const shard of split.shards) {
        const tokenFile = join(folder, `${shard.name}.tokens`);
        const handle = await openFile(tokenFile);
        handles.push(handle);
        await checkShard(handle, tokenFile, shard, manifest);
        const documentFile = join(folder, `${shard.name}.documents`);
        await checkSize(documentFile, shard.documents * entryBytes, `${shard.documents} documents`);
        shards.push({ ...shard, handle, tokenFile, documentFile, firstToken });
        firstToken += shard.tokens;
      }
      splits.set(name, new ShardedSplit(split, shards, manifest, manifestFile));
    }
    return {
      manifest,
      split(name) {
        const split = splits.get(name);
        if (split !== undefined) return split;
        throw new PipelineError({
          code: "SHARD_SPLIT_UNKNOWN",
          message: `The token shards in ${folder} have no split ${name}; they have ${[...splits.keys()].join(", ")}.`,
          hint: "Look at the shard stage's params: is the validation fraction too small for this corpus?",
        });
      },
      close,
    };
  } catch (error) {
    await close();
    throw error;
  }
}

async function openFile(file: string): Promise<FileHandle> {
  return open(file, "r").catch((error: unknown) => {
    throw shardInvalid(file, "it cannot be opened", error);
  });
}

async function checkSize(file: string, expected: number, content: string): Promise<void> {
  const { size } = await stat(file).catch((error: unknown) => {
    throw shardInvalid(file, "it cannot be read", error);
  });
  if (size !== expected) throw shardInvalid(file, `it has ${size} bytes, but ${content} take ${expected}`);
}

async function checkShard(
  handle: FileHandle,
  file: string,
  expected: ShardTotals,
  manifest: ShardManifest,
): Promise<void> {
  const buffer = Buffer.alloc(headerBytes);
  const { bytesRead } = await handle.read(buffer, 0, headerBytes, 0);
  const header = decodeHeader(buffer.subarray(0, bytesRead), file);
  if (header.tokenizerDigest !== manifest.tokenizerDigest) {
    throw shardInvalid(
      file,
      `its tokenizer is ${header.tokenizerDigest}, the manifest's ${manifest.tokenizerDigest}`,
    );
  }
  if (header.bytesPerToken !== bytesPerTokenFor(manifest.vocabSize)) {
    throw shardInvalid(
      file,
      `it has ${header.bytesPerToken} bytes per token for a vocabulary of ${manifest.vocabSize}`,
    );
  }
  for (const unit of ["tokens", "documents"] as const) {
    if (header[unit] !== expected[unit]) {
      throw shardInvalid(file, `its header says ${header[unit]} ${unit}, the manifest ${expected[unit]}`);
    }
  }
  await checkSize(
    file,
    headerBytes + header.tokens * header.bytesPerToken,
    `a header and ${header.tokens} tokens`,
  );
}

interface ReadableShard extends ShardTotals {
  readonly handle: FileHandle;
  readonly tokenFile: string;
  readonly documentFile: string;
  readonly firstToken: number;
}

/** Documents of a block: 1.25 MiB of entries. */
const blockDocuments = 1 << 16;

class ShardedSplit implements SplitReader {
  readonly totals: ShardTotals;
  readonly #strata: readonly ShardTotals[];
  readonly #shards: readonly ReadableShard[];
  readonly #vocabSize: number;
  readonly #bytesPerToken: BytesPerToken;
  readonly #manifestFile: string;

  constructor(
    { totals, strata }: ShardSplit,
    shards: readonly ReadableShard[],
    { vocabSize }: ShardManifest,
    manifestFile: string,
  ) {
    this.totals = totals;
    this.#strata = strata;
    this.#shards = shards;
    this.#vocabSize = vocabSize;
    this.#bytesPerToken = bytesPerTokenFor(vocabSize);
    this.#manifestFile = manifestFile;
  }

  async *documentBlocks(): AsyncGenerator<DocumentBlock> {
    const sums = this.#strata.map(() => ({ documents: 0, tokens: 0, bytes: 0 }));
    for (const { documentFile, tokenFile, firstToken, tokens, documents } of this.#shards) {
      const file = await openFile(documentFile);
      try {
        let token = firstToken;
        for (let done = 0; done < documents; done += blockDocuments) {
          const bytes = Buffer.allocUnsafe(Math.min(blockDocuments, documents - done) * entryBytes);
          const { bytesRead } = await file.read(bytes, 0, bytes.length, done * entryBytes);
          if (bytesRead !== bytes.length) throw shortened(documentFile);
          const entries = unpackNumbers(bytes);
          const blockStart = token;
          for (let at = 0; at < entries.length; at += entryNumbers) {
            const sum = sums[entries[at + 4] as number];
            if (sum === undefined)
              throw shardInvalid(
                documentFile,
                `document ${done + at / entryNumbers} is of stratum ${entries[at + 4]}, which the manifest does not list`,
              );
            sum.documents++;
            sum.tokens += entries[at] as number;
            sum.bytes += entries[at + 1] as number;
            token += entries[at] as number;
          }
          yield { firstToken: blockStart, entries };
        }
        if (token - firstToken !== tokens)
          throw shardInvalid(
            documentFile,
            `its documents have ${token - firstToken} tokens, but ${tokenFile} has ${tokens}`,
          );
      } finally {
        await file.close();
      }
    }
    for (const [index, sum] of sums.entries())
      for (const unit of ["documents", "tokens", "bytes"] as const)
        if (sum[unit] !== this.#strata[index]?.[unit])
          throw shardInvalid(
            this.#manifestFile,
            `it counts ${this.#strata[index]?.[unit]} ${unit} of stratum ${index}, but the shards have ${sum[unit]}`,
          );
  }

  async read(start: number, count: number, out: Int32Array, at = 0): Promise<void> {
    if (at + count > out.length) throw new RangeError(`${count} tokens do not fit behind ${at}.`);
    const { ids } = await this.#readChecked(start, count);
    out.set(ids, at);
  }

  async readPacked(start: number, count: number, room?: ArrayBuffer): Promise<Buffer> {
    const { bytes, swap } = await this.#readChecked(start, count, room);
    swap();
    return bytes;
  }

  async #readChecked(
    start: number,
    count: number,
    memory?: ArrayBuffer,
  ): Promise<ReturnType<typeof tokenRoom>> {
    const room = tokenRoom(count, this.#bytesPerToken, memory);
    await this.#fill(start, room.bytes);
    room.swap();
    if (!allBelow(room.ids, this.#vocabSize)) {
      const unknown = room.ids.findIndex((id) => id >= this.#vocabSize);
      throw shardInvalid(
        this.#shards[this.#shardAt(start + unknown)]?.tokenFile ?? this.#manifestFile,
        `token ${room.ids[unknown]} is not in a vocabulary of ${this.#vocabSize}`,
      );
    }
    return room;
  }

  /** Fills `out` with the bytes of the tokens from `start` on, as they stand in the files, unchecked. */
  async #fill(start: number, out: Buffer): Promise<void> {
    const width = this.#bytesPerToken;
    const count = out.length / width;
    if (start < 0 || start + count > this.totals.tokens) {
      throw new RangeError(`Tokens ${start} to ${start + count} are outside of ${this.totals.tokens}.`);
    }
    let done = 0;
    for (let index = this.#shardAt(start); done < count; index++) {
      const shard = this.#shards[index];
      if (shard === undefined) throw new RangeError(`There is no shard ${index}.`);
      const from = start + done - shard.firstToken;
      const take = Math.min(count - done, shard.tokens - from);
      const position = headerBytes + from * width;
      const { bytesRead } = await shard.handle.read(out, done * width, take * width, position);
      if (bytesRead !== take * width) throw shortened(shard.tokenFile);
      done += take;
    }
  }

  /** The last shard that begins at or before a token, by bisection. */
  #shardAt(token: number): number {
    let low = 0;
    let high = this.#shards.length - 1;
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if ((this.#shards[middle]?.firstToken ?? 0) <= token) low = middle;
      else high = middle - 1;
    }
    return low;
  }
}

function shortened(file: string): PipelineError {
  return shardInvalid(file, "it became shorter while it was read");
}
