/**
 * The index: one LMDB environment, JSON values under [table, …key]. Reads are synchronous and cheap; all writes
 * are synchronous transactions, so a write that returned is on disk, and a killed writer leaves the last commit.
 */
import { createRequire } from "node:module";
import { mkdirSync } from "node:fs";
import { dirname } from "node:path";
import type { RootDatabase } from "lmdb";
import { PipelineError } from "../errors.ts";
import { indexDamage } from "./index-file.ts";

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
    const damage = indexDamage(path);
    if (damage !== undefined) throw unreadable(path, damage);
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
    hint: `see that the disk is writable; if the file is damaged: mv ${path} ${path}.damaged, then npx pipeline run; artifacts stay, stages run again`,
    cause,
  });
