/** Opens an LMDB environment as the store uses them: one file, texts under lists of texts, commits that are on disk. */
import { createRequire } from "node:module";
import { statSync } from "node:fs";
import type { RangeOptions, RootDatabase } from "lmdb";
import { PipelineError } from "../errors.ts";
import { DamagedRecord, type IndexKey } from "./index-value.ts";

/** Through `require`: lmdb's CommonJS build is one file and loads in half the time of its ES modules. */
const loadLmdb = (): typeof import("lmdb") => createRequire(import.meta.url)("lmdb") as typeof import("lmdb");

/** Throws lmdb's error. A file that is cut or none of its own kills the process: look first (index-file.ts). */
export const openLmdb = (path: string): RootDatabase<string, IndexKey> =>
  loadLmdb().open<string, IndexKey>({
    path,
    noSubdir: true,
    encoding: "string",
    // A commit returns when it is on disk; otherwise an execution could be lost that was called finished.
    overlappingSync: false,
  });

/** Of what LMDB says where a file is not what it wrote; a full disk or map, or another version, is not among them. */
const DAMAGE =
  /MDB_(CORRUPTED|PAGE_NOTFOUND|INVALID|PANIC|BAD_TXN|PAGE_FULL|CURSOR_FULL|BAD_VALSIZE|PROBLEM)/;

export const isLmdbDamage = (error: unknown): error is Error =>
  error instanceof Error && DAMAGE.test(error.message);

/** Throws `DamagedRecord` for a key that lmdb cannot take apart: one that was written is never too long. */
export function readRange(
  database: RootDatabase<string, IndexKey>,
  range: RangeOptions,
  prefix: IndexKey,
): { readonly key: IndexKey; readonly value: string }[] {
  try {
    return [...database.getRange(range)];
  } catch (error) {
    throw error instanceof Error && /key size/i.test(error.message) ? new DamagedRecord(prefix) : error;
  }
}

/** Tells whether a path still leads to the file that was opened. */
export const inodeOf = (path: string): bigint | undefined =>
  statSync(path, { bigint: true, throwIfNoEntry: false })?.ino;

export const unreadable = (path: string, what: string, cause?: unknown): PipelineError =>
  new PipelineError({
    code: "INDEX_UNREADABLE",
    message: `the index ${path} cannot be opened: ${what}`,
    hint: "see that the disk is writable and has space; npx pipeline check --repair makes a damaged index anew",
    cause,
  });
