/** A file of a source that is nowhere but in memory, and remembers what was read of it. */
import { readFile } from "node:fs/promises";
import type { SourceFile } from "../../../src/data/sources/source.ts";

export interface InMemoryFile extends SourceFile {
  readonly bytesRead: () => number;
}

export function inMemory(path: string, bytes: Uint8Array): InMemoryFile {
  let read = 0;
  return {
    path,
    size: bytes.length,
    open: async function* (start = 0, end = bytes.length) {
      read += end - start;
      yield await Promise.resolve(bytes.subarray(start, end));
    },
    bytesRead: () => read,
  };
}

export const formatFixture = (name: string): Promise<Buffer> =>
  readFile(new URL(`fixtures/${name}`, import.meta.url));
