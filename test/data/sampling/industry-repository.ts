/** The generated repository of IndustryCorpus2's layout (fixtures/generate.py) behind a local Hub. Not a test. */
import { readdir, readFile } from "node:fs/promises";
import { join, posix, relative, resolve, sep } from "node:path";
import { onTestFinished } from "vitest";
import { startHub, type Hub } from "../sources/hub-server.ts";

const folder = resolve(import.meta.dirname, "fixtures", "industry");

export async function industryFiles(): Promise<Record<string, Uint8Array>> {
  const files: Record<string, Uint8Array> = {};
  for (const entry of await readdir(folder, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile()) continue;
    const path = join(entry.parentPath, entry.name);
    files[relative(folder, path).split(sep).join(posix.sep)] = await readFile(path);
  }
  return files;
}

/** Every sample in this process goes there until the test ends. */
export async function serveHub(
  repository: string,
  files: Readonly<Record<string, Uint8Array>>,
): Promise<Hub> {
  const hub = await startHub(repository, files);
  const before = process.env.HF_ENDPOINT;
  process.env.HF_ENDPOINT = hub.server.url;
  onTestFinished(async () => {
    if (before === undefined) delete process.env.HF_ENDPOINT;
    else process.env.HF_ENDPOINT = before;
    await hub.server[Symbol.asyncDispose]();
  });
  return hub;
}
