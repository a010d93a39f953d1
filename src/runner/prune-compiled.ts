/** Compiled directories (cache/compiled/<hash>/) that nobody needs any more. Loads nothing of the compiler. */
import { existsSync, readdirSync, readFileSync, rmSync, statSync } from "node:fs";
import { join } from "node:path";
import { isAlive, type ProcessIdentity } from "../std/process-identity.ts";
import type { CompileRecord } from "./freshness.ts";

/** Someone may be on the way from reading latest.json into a directory. */
const PRUNE_AFTER_MS = 60_000;

/** Absolute paths of directories below `root` that are not current and that no living process uses. */
export function unusedCompiled(root: string, current = currentOf(root)): string[] {
  if (!existsSync(root)) return [];
  return readdirSync(root, { withFileTypes: true })
    .filter((entry) => entry.isDirectory() && entry.name !== current)
    .map(({ name }) => join(root, name))
    .filter((directory) => Date.now() - statSync(directory).mtimeMs >= PRUNE_AFTER_MS)
    .filter((directory) => !hasUser(join(directory, "users")));
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

function hasUser(users: string): boolean {
  if (!existsSync(users)) return false;
  return readdirSync(users).some((mark) => {
    try {
      return isAlive(JSON.parse(readFileSync(join(users, mark), "utf8")) as ProcessIdentity);
    } catch {
      return true; // being written or just removed: look again next time
    }
  });
}
