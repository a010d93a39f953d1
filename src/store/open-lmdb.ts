/** Opens an LMDB environment as the store uses them: one file, texts under lists of texts, commits that are on disk. */
import { createRequire } from "node:module";
import type { RootDatabase } from "lmdb";
import type { IndexKey } from "./index-value.ts";

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

/** Of reading only: a key that is written may be too long, one that is read cannot be. */
export const isUnreadableKey = (error: unknown): boolean =>
  error instanceof Error && /key size/i.test(error.message);

export const isLmdbDamage = (error: unknown): error is Error =>
  error instanceof Error && DAMAGE.test(error.message);
