/** Directories where something is written before it is finished, each marked with the process that owns it. */
import { readFileSync, statSync } from "node:fs";
import { mkdir, rm, writeFile } from "node:fs/promises";
import { randomUUID } from "node:crypto";
import { join } from "node:path";
import { namesInNow } from "../std/names-in.ts";
import { isAlive, thisProcess, type ProcessIdentity } from "../std/process-identity.ts";

const OWNER = "owner.json";

/** A new empty directory `<root>/<name>-<random>`; it holds the owner's mark and nothing else. */
export async function makeWorkDirectory(root: string, name: string): Promise<string> {
  const directory = join(root, `${name}-${randomUUID().slice(0, 8)}`);
  await mkdir(directory, { recursive: true });
  try {
    await writeFile(join(directory, OWNER), JSON.stringify(thisProcess()));
  } catch (error) {
    await rm(directory, { recursive: true, force: true }); // nobody would know whose it is
    throw error;
  }
  return directory;
}

/** A directory gets its mark right after it is made; one that has none after so long was torn by a kill. */
const UNMARKED_AFTER_MS = 3_600_000;

/** Names of the directories whose owner is dead. */
export function deadWork(root: string): string[] {
  return deadAmong(root, namesInNow(root));
}

function deadAmong(root: string, names: readonly string[]): string[] {
  return names.filter((name) => {
    const directory = join(root, name);
    const owner = readOwner(directory);
    if (owner !== undefined) return !isAlive(owner);
    const made = statSync(directory, { throwIfNoEntry: false })?.mtimeMs ?? Infinity;
    return Date.now() - made >= UNMARKED_AFTER_MS;
  });
}

/** Names of the directories that processes of a machine own. */
export const workOfHost = (root: string, host: string): string[] =>
  namesInNow(root).filter((name) => readOwner(join(root, name))?.host === host);

/** `names`: of the directories to look at, default: all. */
export async function sweepWork(root: string, names = namesInNow(root)): Promise<void> {
  for (const name of deadAmong(root, names)) await rm(join(root, name), { recursive: true, force: true });
}

function readOwner(directory: string): ProcessIdentity | undefined {
  try {
    return JSON.parse(readFileSync(join(directory, OWNER), "utf8")) as ProcessIdentity;
  } catch {
    return undefined; // its owner is about to write it, or was killed or met a full disk over it
  }
}
