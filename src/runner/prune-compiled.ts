/** Removes compiled directories that nobody needs any more. */
import { existsSync, readdirSync, readFileSync, rmSync, statSync } from "node:fs";
import { join } from "node:path";
import { isAlive, type ProcessIdentity } from "../std/process-identity.ts";

/** Someone may be on the way from reading latest.json into a directory. */
const PRUNE_AFTER_MS = 60_000;

/** `root`: cache/compiled. Kept are `current`, what is younger than a minute, and what a living process uses. */
export function pruneCompiled(root: string, current: string): void {
  for (const { name } of readdirSync(root, { withFileTypes: true }).filter((entry) => entry.isDirectory())) {
    const directory = join(root, name);
    const age = Date.now() - statSync(directory).mtimeMs;
    if (name === current || age < PRUNE_AFTER_MS || hasUser(join(directory, "users"))) continue;
    rmSync(directory, { recursive: true, force: true });
  }
}

function hasUser(users: string): boolean {
  if (!existsSync(users)) return false;
  return readdirSync(users).some((mark) => {
    try {
      return isAlive(JSON.parse(readFileSync(join(users, mark), "utf8")) as ProcessIdentity);
    } catch {
      return true; // being written or just removed: look again at the next compile
    }
  });
}
