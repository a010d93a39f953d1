/** Makes names in a folder durable, where the system can. */
import { open } from "node:fs/promises";

export async function syncFolder(path: string): Promise<void> {
  // Windows opens no folders; there a rename is as durable as it gets.
  if (process.platform === "win32") return;
  const folder = await open(path, "r");
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
}
