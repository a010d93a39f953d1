import { statfsSync } from "node:fs";

/** Bytes that this user may still write where a directory is; infinite where the file system does not tell. */
export function roomIn(directory: string): number {
  try {
    const { bavail, bsize } = statfsSync(directory);
    return bavail * bsize;
  } catch {
    return Infinity;
  }
}
