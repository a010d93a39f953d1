/** Opens an LMDB environment as the store uses them: one file, texts under lists of texts, commits that are on disk. */
import { createRequire } from "node:module";
import { existsSync, linkSync, rmSync, statSync, writeFileSync } from "node:fs";
import type { RangeOptions, RootDatabase } from "lmdb";
import { PipelineError } from "../errors.ts";
import { errorCode } from "../std/error-code.ts";
import { emptyEnvironment } from "./empty-environment.ts";
import { DamagedRecord, type IndexKey } from "./index-value.ts";

/** Through `require`: lmdb's CommonJS build is one file and loads in half the time of its ES modules. */
const loadLmdb = (): typeof import("lmdb") => createRequire(import.meta.url)("lmdb") as typeof import("lmdb");

/**
 * Throws lmdb's error. A file that is cut or none of its own kills the process: look first (index-file.ts); and so does a
 * new one on a full disk: `makeFiles` first.
 */
export function openLmdb(path: string): RootDatabase<string, IndexKey> {
  return loadLmdb().open<string, IndexKey>({
    path,
    noSubdir: true,
    encoding: "string",
    // A commit returns when it is on disk; otherwise an execution could be lost that was called finished.
    overlappingSync: false,
  });
}

/**
 * Makes both files of an environment where they are not. On a full disk lmdb 3.5 ends the process: by SIGBUS, because it
 * makes the file of locks of holes and writes to it through a map, and by SIGSEGV where the other finds no room for its
 * first pages. So both get their room before. Throws `ENOSPC`.
 */
export function makeFiles(path: string): void {
  make(`${path}-lock`, new Uint8Array(LOCK_BYTES));
  make(path, emptyEnvironment());
}

/** Made aside and linked, so that it is whole when it is seen and never replaces one that is in use. */
function make(path: string, content: Uint8Array): void {
  if (existsSync(path)) return;
  const aside = `${path}.${process.pid}`;
  try {
    writeFileSync(aside, content);
    linkSync(aside, path);
  } catch (error) {
    // Another process was first, or the file system has no links: then lmdb makes it.
    if (!/^(?:EEXIST|EPERM|ENOTSUP|EOPNOTSUPP)$/.test(errorCode(error) ?? "")) throw error;
  } finally {
    rmSync(aside, { force: true });
  }
}

/**
 * At least what lmdb asks for: 126 readers of 64 bytes and a header. Whoever opens it first begins it anew, so zeros do.
 * A larger file takes more readers.
 */
const LOCK_BYTES = 16 * 1024;

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
