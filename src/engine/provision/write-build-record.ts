/** Seals a finished build: digests of its files and where they came from, in engine.json. */
import { readdir, stat, writeFile } from "node:fs/promises";
import { join, relative } from "node:path";
import { platformName, recordFile, recordText, type BuildRecord } from "./engine-build.ts";
import { digestOfFile } from "../../std/digest.ts";

/** Symbolic links in the build are names for files that are listed themselves. */
export async function writeBuildRecord(
  folder: string,
  {
    way,
    tensorflow,
    binding,
    source,
    cudaWheels,
  }: Pick<BuildRecord, "way" | "tensorflow" | "binding" | "source" | "cudaWheels">,
): Promise<void> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  const files: BuildRecord["files"] = {};
  for (const entry of entries.filter((candidate) => candidate.isFile())) {
    const path = join(entry.parentPath, entry.name);
    files[relative(folder, path)] = { bytes: (await stat(path)).size, sha256: await digestOfFile(path) };
  }
  const record: BuildRecord = {
    format: 1,
    way,
    tensorflow,
    binding,
    platform: platformName(),
    // Google's libtensorflow for tfjs-node-gpu has CUDA except on macOS.
    cuda: way === "cuda-wheel" || (way === "package-installer" && process.platform !== "darwin"),
    files,
    ...(source === undefined ? {} : { source }),
    ...(cudaWheels === undefined ? {} : { cudaWheels }),
  };
  await writeFile(recordFile(folder), recordText(record), { flush: true });
}
