/** Chunks of whole records: gathered in memory, and read from a file. */
import { type FileHandle, open } from "node:fs/promises";
import { endOfRecord } from "./mixed-record.ts";

const chunkBytes = 1 << 20;

/** Copies records into chunks. */
export class HeldRecords {
  readonly #full: Buffer[] = [];
  #filling = Buffer.alloc(0);
  #length = 0;
  /** Of all records. */
  bytes = 0;

  add(head: Uint8Array, tokens: Uint8Array): void {
    const size = head.length + tokens.length;
    if (this.#length + size > this.#filling.length) {
      this.#close();
      this.#filling = Buffer.allocUnsafeSlow(Math.max(chunkBytes, size));
    }
    this.#filling.set(head, this.#length);
    this.#filling.set(tokens, this.#length + head.length);
    this.#length += size;
    this.bytes += size;
  }

  /** All chunks, which are forgotten here. */
  take(): readonly Buffer[] {
    this.#close();
    this.bytes = 0;
    return this.#full.splice(0);
  }

  #close(): void {
    if (this.#length > 0) this.#full.push(this.#filling.subarray(0, this.#length));
    this.#filling = Buffer.alloc(0);
    this.#length = 0;
  }
}

/** A file as one chunk, in `memory` where it fits. Throws where the file becomes shorter. */
export async function readWhole(path: string, memory: Buffer): Promise<Buffer> {
  const file = await open(path, "r");
  try {
    const { size } = await file.stat();
    const chunk = size <= memory.length ? memory.subarray(0, size) : Buffer.allocUnsafeSlow(size);
    await readFully(file, path, chunk, 0);
    return chunk;
  } finally {
    await file.close();
  }
}

/** A file in chunks that are read one by one. Throws where it ends within a record or becomes shorter. */
export async function* readChunks(path: string): AsyncGenerator<Buffer> {
  const file = await open(path, "r");
  try {
    const { size } = await file.stat();
    let position = 0;
    for (let wanted = chunkBytes; position < size;) {
      const chunk = Buffer.allocUnsafeSlow(Math.min(wanted, size - position));
      await readFully(file, path, chunk, position);
      let whole = 0;
      let end = endOfRecord(chunk, 0);
      for (; end !== undefined && end <= chunk.length; end = endOfRecord(chunk, whole)) whole = end;
      // A record that is longer than a chunk is read again, by itself.
      if (whole === 0 && position + chunk.length === size) throw new Error(`${path} ends within a record`);
      wanted = whole > 0 ? chunkBytes : (end ?? 2 * chunk.length);
      position += whole;
      if (whole > 0) yield chunk.subarray(0, whole);
    }
  } finally {
    await file.close();
  }
}

async function readFully(file: FileHandle, path: string, into: Buffer, position: number): Promise<void> {
  const { bytesRead } = await file.read(into, 0, into.length, position);
  if (bytesRead < into.length) throw new Error(`${path} became shorter while it was read`);
}
