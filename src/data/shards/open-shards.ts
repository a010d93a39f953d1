/**
 * Reads token shards by range, with positioned reads: never a whole file. What a header, a file size and the manifest
 * say is compared before the first token is believed.
 */
import { type FileHandle, open, readFile, stat } from "node:fs/promises";
import { join } from "node:path";
import { PipelineError } from "../../errors.ts";
import {
  type BytesPerToken,
  bytesPerTokenFor,
  decodeHeader,
  entryNumbers,
  headerBytes,
  shardInvalid,
  unpackNumbers,
  unpackTokens,
} from "./shard-format.ts";
import { manifestName, parseManifest, type ShardManifest, type ShardTotals } from "./shard-manifest.ts";

/** The tokens of one split, end to end over its shards. */
export interface SplitReader {
  readonly totals: ShardTotals;
  /** Documents of each shard, in order: `entryNumbers` numbers a document (see shard-format.ts). */
  documentsByShard(): AsyncGenerator<{ readonly firstToken: number; readonly entries: Uint32Array }>;
  /** Reads tokens [start, start + count) into `out` from `at` on. Throws RangeError outside of the split. */
  read(start: number, count: number, out: Int32Array, at?: number): Promise<void>;
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
        await checkSize(documentFile, shard.documents * entryNumbers * 4, `${shard.documents} documents`);
        shards.push({ handle, tokenFile, documentFile, firstToken, tokens: shard.tokens });
        firstToken += shard.tokens;
      }
      splits.set(name, new ShardedSplit(split.totals, shards, bytesPerTokenFor(manifest.vocabSize)));
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

interface ReadableShard {
  readonly handle: FileHandle;
  readonly tokenFile: string;
  readonly documentFile: string;
  readonly firstToken: number;
  readonly tokens: number;
}

class ShardedSplit implements SplitReader {
  readonly totals: ShardTotals;
  readonly #shards: readonly ReadableShard[];
  readonly #bytesPerToken: BytesPerToken;

  constructor(totals: ShardTotals, shards: readonly ReadableShard[], bytesPerToken: BytesPerToken) {
    this.totals = totals;
    this.#shards = shards;
    this.#bytesPerToken = bytesPerToken;
  }

  async *documentsByShard(): AsyncGenerator<{ firstToken: number; entries: Uint32Array }> {
    for (const { documentFile, tokenFile, firstToken, tokens } of this.#shards) {
      const entries = unpackNumbers(await readFile(documentFile));
      let sum = 0;
      for (let at = 0; at < entries.length; at += entryNumbers) sum += entries[at] as number;
      if (sum !== tokens) {
        throw shardInvalid(documentFile, `its documents have ${sum} tokens, but ${tokenFile} has ${tokens}`);
      }
      yield { firstToken, entries };
    }
  }

  async read(start: number, count: number, out: Int32Array, at = 0): Promise<void> {
    if (start < 0 || count < 0 || start + count > this.totals.tokens || at + count > out.length) {
      throw new RangeError(`Tokens ${start} to ${start + count} are outside of ${this.totals.tokens}.`);
    }
    let done = 0;
    for (let index = this.#shardAt(start); done < count; index++) {
      const shard = this.#shards[index];
      if (shard === undefined) throw new RangeError(`There is no shard ${index}.`);
      const from = start + done - shard.firstToken;
      const take = Math.min(count - done, shard.tokens - from);
      const bytes = Buffer.allocUnsafe(take * this.#bytesPerToken);
      const { bytesRead } = await shard.handle.read(
        bytes,
        0,
        bytes.length,
        headerBytes + from * this.#bytesPerToken,
      );
      if (bytesRead !== bytes.length)
        throw shardInvalid(shard.tokenFile, "it became shorter while it was read");
      unpackTokens(bytes, this.#bytesPerToken, out, at + done);
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
