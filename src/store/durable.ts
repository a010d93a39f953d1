/** Forces files and directories to disk; a rename is only as durable as the directory that holds it. */
import { chmod, open, readdir } from "node:fs/promises";
import { join } from "node:path";

export async function syncPath(path: string): Promise<void> {
  const handle = await open(path, "r");
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/** Directories cannot be opened on Windows, whose file system journals renames by itself. */
export async function syncDirectory(path: string): Promise<void> {
  if (process.platform !== "win32") await syncPath(path);
}

/** Every file below made read-only and synced, then every directory, the inner ones first. */
export async function sealTree(directory: string): Promise<void> {
  for (const entry of await readdir(directory, { withFileTypes: true })) {
    const path = join(directory, entry.name);
    if (entry.isDirectory()) await sealTree(path);
    else {
      await chmod(path, 0o444);
      await syncPath(path);
    }
  }
  await syncDirectory(directory);
}
