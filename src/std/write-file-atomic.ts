/** Writes a small file so that a reader sees the old content or the new, never a part; not for large streams. */
import { randomUUID } from "node:crypto";
import { open, rename, rm } from "node:fs/promises";

export async function writeFileAtomic(path: string, data: string | Uint8Array): Promise<void> {
  const temporary = `${path}.${randomUUID()}.tmp`; // a name of its own: two writers must not share one
  try {
    const file = await open(temporary, "wx");
    try {
      await file.writeFile(data);
      await file.sync();
    } finally {
      await file.close();
    }
  } catch (error) {
    await rm(temporary, { force: true });
    throw error;
  }
  await rename(temporary, path);
}
