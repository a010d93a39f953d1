/** How large a directory is and when something in it last changed. Links are counted, not followed. */
import { lstatSync } from "node:fs";
import { join } from "node:path";
import { namesInNow } from "../../std/names-in.ts";

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
export const listDirectory = (path: string): string[] => namesInNow(path).sort();
