/** How large a directory is and when something in it last changed. Links are counted, not followed. */
import { lstatSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { errorCode } from "../../std/error-code.ts";

export interface TreeFacts {
  readonly bytes: number;
  readonly files: number;
  /** Milliseconds since the epoch. */
  readonly newestMs: number;
}

/** Of nothing where nothing is there; what goes away meanwhile is not counted. */
export function treeFacts(path: string): TreeFacts {
  const stat = lstatSync(path, { throwIfNoEntry: false });
  if (stat === undefined) return { bytes: 0, files: 0, newestMs: 0 };
  if (!stat.isDirectory()) return { bytes: stat.size, files: 1, newestMs: stat.mtimeMs };
  return listDirectory(path)
    .map((name) => treeFacts(join(path, name)))
    .reduce(
      (sum, each) => ({
        bytes: sum.bytes + each.bytes,
        files: sum.files + each.files,
        newestMs: Math.max(sum.newestMs, each.newestMs),
      }),
      { bytes: 0, files: 0, newestMs: stat.mtimeMs },
    );
}

/** Names, sorted; none where there is no such directory. */
export function listDirectory(path: string): string[] {
  try {
    return readdirSync(path).sort();
  } catch (error) {
    const code = errorCode(error);
    if (code === "ENOENT" || code === "ENOTDIR") return [];
    throw error;
  }
}
