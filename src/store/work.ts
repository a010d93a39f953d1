/** Directories where artifacts are written before they are finished, each marked with the process that owns it. */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { mkdir, rm, writeFile } from "node:fs/promises";
import { randomUUID } from "node:crypto";
import { join } from "node:path";
import { isAlive, thisProcess, type ProcessIdentity } from "../std/process-identity.ts";

const OWNER = "owner.json";

/** A new empty directory `<root>/<name>-<random>`; it holds the owner's mark and nothing else. */
export async function makeWorkDirectory(root: string, name: string): Promise<string> {
  const directory = join(root, `${name}-${randomUUID().slice(0, 8)}`);
  await mkdir(directory, { recursive: true });
  await writeFile(join(directory, OWNER), JSON.stringify(thisProcess()));
  return directory;
}

/** Removes the directories whose owner is dead. One without a mark is younger than its mark, or was torn: by age. */
export async function sweepWork(root: string): Promise<void> {
  if (!existsSync(root)) return;
  for (const name of readdirSync(root)) {
    const directory = join(root, name);
    const owner = readOwner(directory);
    if (owner !== undefined && !isAlive(owner)) await rm(directory, { recursive: true, force: true });
  }
}

function readOwner(directory: string): ProcessIdentity | undefined {
  try {
    return JSON.parse(readFileSync(join(directory, OWNER), "utf8")) as ProcessIdentity;
  } catch {
    return undefined; // its owner is about to write the mark
  }
}
