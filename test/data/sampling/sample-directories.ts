/** Where a sample of a test goes, and all the bytes that it left there. Not a test. */
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import type { SampleDirectories } from "../../../src/data/sampling/sample-outputs.ts";
import { temporaryDirectory } from "../sources/temporary-directory.ts";
import { sampleDirectoriesIn } from "./sample-directories-in.ts";

export async function sampleDirectories(): Promise<SampleDirectories> {
  return sampleDirectoriesIn(await temporaryDirectory());
}

/** Path → content, of every file. */
export async function bytesOf(directories: SampleDirectories): Promise<Record<string, string>> {
  const found: Record<string, string> = {};
  for (const [name, directory] of Object.entries<string>(directories)) {
    for (const file of await readdir(directory))
      found[`${name}/${file}`] = await readFile(join(directory, file), "utf8");
  }
  return found;
}
