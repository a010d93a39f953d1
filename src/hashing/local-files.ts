/** Digests of files outside the project that a stage reads: what a person edits without the runner knowing. */
import { readdirSync, statSync } from "node:fs";
import { join, resolve } from "node:path";
import { byCodeUnit } from "./canonical.ts";
import { digestFile, digestValue } from "./digest.ts";

/**
 * Hex sha256 of a file, or of the sorted list [path, sha256] of a folder's files; null where there is nothing. Links are
 * followed, because the stage that reads the folder follows them too.
 */
export async function digestLocalFiles(projectRoot: string, path: string): Promise<string | null> {
  const absolute = resolve(projectRoot, path);
  const stat = statSync(absolute, { throwIfNoEntry: false });
  if (stat === undefined) return null;
  if (!stat.isDirectory()) return (await digestFile(absolute)).sha256;
  const files: [string, string][] = [];
  for (const name of readdirSync(absolute, { recursive: true, encoding: "utf8" }).sort(byCodeUnit)) {
    const file = join(absolute, name);
    if (statSync(file, { throwIfNoEntry: false })?.isFile() === true)
      files.push([name, (await digestFile(file)).sha256]);
  }
  return digestValue(files);
}
