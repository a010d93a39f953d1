/** Compiled directories (cache/compiled/<hash>/) that nobody needs any more. Loads nothing of the compiler. */
import { existsSync, readdirSync, readFileSync, rmSync, statSync } from "node:fs";
import { join } from "node:path";
import { WORDS_FILE } from "./completion-words.ts";
import { isInUse, type CompileRecord } from "./freshness.ts";

/** Someone may be on the way from reading latest.json into a directory. */
const PRUNE_AFTER_MS = 60_000;

/** Absolute paths below `root` that are not current and that no living process uses; also what killed compiles left. */
export function unusedCompiled(root: string, current = currentOf(root)): string[] {
  if (!existsSync(root)) return [];
  return readdirSync(root)
    .filter((name) => name !== current && name !== "latest.json" && name !== WORDS_FILE)
    .map((name) => join(root, name))
    .filter((path) => {
      const stat = statSync(path, { throwIfNoEntry: false });
      if (stat === undefined || Date.now() - stat.mtimeMs < PRUNE_AFTER_MS) return false;
      return !stat.isDirectory() || !isInUse(path);
    });
}

export function pruneCompiled(root: string, current: string): void {
  for (const directory of unusedCompiled(root, current)) rmSync(directory, { recursive: true, force: true });
}

function currentOf(root: string): string | undefined {
  try {
    return (JSON.parse(readFileSync(join(root, "latest.json"), "utf8")) as CompileRecord).directory;
  } catch {
    return undefined; // nothing is current: the next command compiles
  }
}
