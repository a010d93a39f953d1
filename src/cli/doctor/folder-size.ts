/** How much a folder holds. */
import { readdir, stat } from "node:fs/promises";
import { join } from "node:path";

export async function folderSize(folder: string): Promise<{ bytes: number; files: number }> {
  // A folder that is not there holds nothing; a file that goes while we look counts nothing.
  const entries = await readdir(folder, { recursive: true, withFileTypes: true }).catch(() => []);
  const sizes = await Promise.all(
    entries
      .filter((entry) => entry.isFile())
      .map((entry) =>
        stat(join(entry.parentPath, entry.name)).then(
          ({ size }) => size,
          () => 0,
        ),
      ),
  );
  return { bytes: sizes.reduce((sum, size) => sum + size, 0), files: sizes.length };
}
