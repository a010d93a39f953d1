/**
 * The index: one LMDB environment, JSON values under [table, …key]. Reads are synchronous and cheap; all writes
 * are synchronous transactions, so a write that returned is on disk, and a killed writer leaves the last commit.
 */
import { createRequire } from "node:module";
import { closeSync, existsSync, mkdirSync, openSync, readSync } from "node:fs";
import { dirname } from "node:path";
import type { RootDatabase } from "lmdb";
import { PipelineError } from "../errors.ts";

export type IndexKey = string[];

/** Through `require`: lmdb's CommonJS build is one file and loads in half the time of its ES modules. */
const loadLmdb = (): typeof import("lmdb") => createRequire(import.meta.url)("lmdb") as typeof import("lmdb");

/** Sorts after every string that occurs in a key. */
const LAST = "\uffff";

export class IndexDatabase {
  readonly #database: RootDatabase<unknown, IndexKey>;

  /** Creates the file where there is none. Throws `INDEX_UNREADABLE`. */
  constructor(path: string) {
    mkdirSync(dirname(path), { recursive: true });
    if (isForeign(path)) throw unreadable(path, "it is not an LMDB file, or its beginning is damaged");
    try {
      this.#database = loadLmdb().open<unknown, IndexKey>({
        path,
        noSubdir: true,
        encoding: "json",
        // A commit returns when it is on disk; otherwise an execution could be lost that was called finished.
        overlappingSync: false,
      });
    } catch (cause) {
      throw unreadable(path, cause instanceof Error ? cause.message : String(cause), cause);
    }
  }

  get(key: IndexKey): unknown {
    return this.#database.get(key);
  }

  /** All entries below a prefix, in key order. */
  entries(prefix: IndexKey, reverse = false): { readonly key: IndexKey; readonly value: unknown }[] {
    const [start, end] = [prefix, [...prefix, LAST]];
    const range = reverse ? { start: end, end: start, reverse } : { start, end };
    return [...this.#database.getRange(range)];
  }

  /** Runs `write` alone in the world, other processes included; nothing of it is seen before all of it is. */
  transaction<T>(
    write: (put: (key: IndexKey, value: unknown) => void, remove: (key: IndexKey) => void) => T,
  ): T {
    return this.#database.transactionSync(() =>
      write(
        (key, value) => this.#database.putSync(key, value),
        (key) => void this.#database.removeSync(key),
      ),
    );
  }

  async close(): Promise<void> {
    await this.#database.close();
  }
}

const unreadable = (path: string, what: string, cause?: unknown): PipelineError =>
  new PipelineError({
    code: "INDEX_UNREADABLE",
    message: `the index ${path} cannot be opened: ${what}`,
    hint: "see that the disk is writable; if the file is damaged, move it away: artifacts stay, stages run again",
    cause,
  });

/** MDB_MAGIC of lmdb's mdb.c, behind the page header of the first meta page (24 bytes; 16 in older formats). */
const MAGIC = 0xbeefc0de;

/** lmdb's binding crashes the process on a file that is none of its own, so look first. */
function isForeign(path: string): boolean {
  if (!existsSync(path)) return false;
  const file = openSync(path, "r");
  try {
    const head = Buffer.alloc(32);
    const length = readSync(file, head, 0, head.byteLength, 0);
    // An empty file is what a kill in the very first moment leaves; lmdb begins anew.
    return length > 0 && head.readUInt32LE(24) !== MAGIC && head.readUInt32LE(16) !== MAGIC;
  } finally {
    closeSync(file);
  }
}
