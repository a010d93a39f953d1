/**
 * Parts of remote files on disk, by digest of the file and range: what an interrupted sample had fetched is not fetched
 * again. Bounded: beyond the bound, parts go that nobody used since this cache was opened, oldest first; when all were
 * used, new ones are not kept, since dropping what a rerun reads first would help no rerun.
 */
import { createHash } from "node:crypto";
import { mkdir, readdir, readFile, rename, rm, stat, utimes, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { digestOf } from "../../std/digest.ts";
import { WINDOW_BYTES } from "./remote-file.ts";
import type { SourceFile } from "./source.ts";

const DIGEST_BYTES = 32;
/** What is kept of remote files at most. */
export const DEFAULT_RANGE_CACHE_BYTES = 16 * 1024 ** 3;

export interface RangeCacheOptions {
  /** Default 16 GiB. */
  readonly maxBytes?: number | undefined;
  readonly onNotice?: ((message: string) => void) | undefined;
}

export class RangeCache {
  readonly #directory: string;
  readonly #maxBytes: number;
  readonly #onNotice: ((message: string) => void) | undefined;
  /** Size by path of parts from before that were not used since, oldest first. */
  readonly #unused: Map<string, number>;
  #bytes: number;
  #failed = false;

  private constructor(
    directory: string,
    maxBytes: number,
    parts: readonly { path: string; bytes: number; usedMs: number }[],
    onNotice?: (message: string) => void,
  ) {
    this.#directory = directory;
    this.#maxBytes = maxBytes;
    this.#onNotice = onNotice;
    const byAge = [...parts].sort((a, b) => a.usedMs - b.usedMs);
    this.#unused = new Map(byAge.map(({ path, bytes }) => [path, bytes]));
    this.#bytes = parts.reduce((sum, { bytes }) => sum + bytes, 0);
  }

  static async open(
    directory: string,
    { maxBytes = DEFAULT_RANGE_CACHE_BYTES, onNotice }: RangeCacheOptions = {},
  ): Promise<RangeCache> {
    await mkdir(directory, { recursive: true });
    const parts: { path: string; bytes: number; usedMs: number }[] = [];
    for (const name of await readdir(directory)) {
      const path = join(directory, name);
      const found = await stat(path).catch(() => undefined); // another process may have removed it
      if (found?.isFile() === true) parts.push({ path, bytes: found.size, usedMs: found.mtimeMs });
    }
    return new RangeCache(directory, maxBytes, parts, onNotice);
  }

  /** Undefined where it is not there, or damaged. */
  async get(digest: string, start: number, end: number): Promise<Uint8Array | undefined> {
    const path = this.#path(digest, start, end);
    const stored = await readFile(path).catch(() => undefined);
    if (stored === undefined) return undefined;
    const bytes = stored.subarray(DIGEST_BYTES);
    const intact = bytes.length === end - start && sha256(bytes).equals(stored.subarray(0, DIGEST_BYTES));
    this.#unused.delete(path);
    if (!intact) {
      this.#onNotice?.(`${path} is damaged; fetching the part again`);
      this.#bytes -= stored.length;
      await rm(path, { force: true });
      return undefined;
    }
    const now = new Date();
    await utimes(path, now, now).catch(() => undefined); // another process may have removed it
    return bytes;
  }

  /** Keeps it if there is room. A full disk ends the keeping with a notice, not the work. */
  async put(digest: string, start: number, end: number, bytes: Uint8Array): Promise<void> {
    const size = bytes.length + DIGEST_BYTES;
    if (this.#failed || !(await this.#makeRoom(size))) return;
    const path = this.#path(digest, start, end);
    const partial = `${path}.${process.pid}.partial`;
    try {
      await writeFile(partial, Buffer.concat([sha256(bytes), bytes]));
      await rename(partial, path);
      this.#bytes += size;
    } catch (error) {
      this.#failed = true;
      await rm(partial, { force: true });
      this.#onNotice?.(`parts are no longer kept in ${this.#directory}: ${String(error)}`);
    }
  }

  /** Drops the parts of a file that was read whole. */
  async forget(digest: string, size: number): Promise<void> {
    for (let at = 0; at < size; at += WINDOW_BYTES) {
      const path = this.#path(digest, at, Math.min(size, at + WINDOW_BYTES));
      const found = await stat(path).catch(() => undefined);
      if (found === undefined) continue;
      this.#unused.delete(path);
      this.#bytes -= found.size;
      await rm(path, { force: true });
    }
  }

  async #makeRoom(size: number): Promise<boolean> {
    for (const [path, bytes] of this.#unused) {
      if (this.#bytes + size <= this.#maxBytes) break;
      this.#unused.delete(path);
      await rm(path, { force: true });
      this.#bytes -= bytes;
    }
    return this.#bytes + size <= this.#maxBytes;
  }

  #path(digest: string, start: number, end: number): string {
    return join(this.#directory, digestOf(`${digest} ${start}-${end}`));
  }
}

const sha256 = (bytes: Uint8Array): Buffer => createHash("sha256").update(bytes).digest();

/** The file, whose ranges with an end come from the cache where it has them. Files without a digest are left as they are. */
export function cachedRanges(file: SourceFile, cache: RangeCache): SourceFile {
  const { digest } = file;
  if (digest === undefined) return file;
  return {
    ...file,
    open: (start = 0, end) =>
      end === undefined ? file.open(start) : throughCache(file, cache, digest, start, end),
  };
}

/** Window by window, as remote files read: from the first that is missing on, the rest is fetched as one. */
async function* throughCache(
  file: SourceFile,
  cache: RangeCache,
  digest: string,
  start: number,
  end: number,
): AsyncGenerator<Uint8Array> {
  let at = start;
  while (at < end) {
    const found = await cache.get(digest, at, Math.min(end, at + WINDOW_BYTES));
    if (found === undefined) break;
    yield found;
    at += found.length;
  }
  if (at >= end) return;
  for await (const window of file.open(at, end)) {
    await cache.put(digest, at, at + window.length, window);
    yield window;
    at += window.length;
  }
}
