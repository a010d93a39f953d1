/** Records dealt out to files by one byte of their keys, each in a block of memory until that is full. */
import { type FileHandle, open } from "node:fs/promises";
import { join } from "node:path";
import { BlockWriter } from "./block-writer.ts";
import { endOfRecord, keyAt } from "./mixed-record.ts";

const blockBytes = 1 << 18;

interface RecordFile {
  readonly path: string;
  readonly file: FileHandle;
  readonly writer: BlockWriter;
}

/** A file for each value of the byte that occurs. */
export class DealtRecords {
  readonly #folder: string;
  readonly #level: number;
  readonly #spares: Buffer[] = [];
  readonly #files: (RecordFile | undefined)[] = new Array<undefined>(256).fill(undefined);

  /** `level`: which byte, from the upper one on. The folder must exist. */
  constructor(folder: string, level: number) {
    this.#folder = folder;
    this.#level = level;
  }

  /** The record's head and tokens; waits as `BlockWriter.append` does. */
  add(key: number, head: Uint8Array, tokens?: Uint8Array): Promise<void> | undefined {
    const byte = (key >>> (24 - 8 * this.#level)) & 0xff;
    const file = this.#files[byte];
    if (file !== undefined) return file.writer.append(head, tokens);
    return this.#create(byte).then(({ writer }) => writer.append(head, tokens));
  }

  /** All records of a chunk. */
  async addChunk(chunk: Buffer): Promise<void> {
    for (let at = 0; at < chunk.length;) {
      const end = endOfRecord(chunk, at) as number;
      const written = this.add(keyAt(chunk, at), chunk.subarray(at, end));
      if (written !== undefined) await written;
      at = end;
    }
  }

  /** Memory that nobody needs any more takes the place of new blocks. */
  giveRoom(room: Buffer): void {
    for (let at = 0; at + blockBytes <= room.length; at += blockBytes)
      this.#spares.push(room.subarray(at, at + blockBytes));
  }

  /** The files, in the order of their keys. */
  async finish(): Promise<readonly string[]> {
    const files = this.#files.filter((file) => file !== undefined);
    await Promise.all(files.map(({ writer }) => writer.flush()));
    await this.close();
    return files.map(({ path }) => path);
  }

  async close(): Promise<void> {
    for (const file of this.#files.splice(0)) await file?.file.close();
  }

  async #create(byte: number): Promise<RecordFile> {
    const path = join(this.#folder, `${this.#level}-${byte}`);
    const file = await open(path, "w");
    return (this.#files[byte] = { path, file, writer: new BlockWriter(file, blockBytes, this.#spares) });
  }
}
