/** Appends bytes to a file in blocks: one is written while the next is filled. */
import type { FileHandle } from "node:fs/promises";

export class BlockWriter {
  readonly #file: FileHandle;
  #filling: Buffer;
  #spare: Buffer;
  #length = 0;
  #writing: Promise<void> = Promise.resolve();

  constructor(file: FileHandle, blockBytes: number) {
    this.#file = file;
    this.#filling = Buffer.allocUnsafeSlow(blockBytes);
    this.#spare = Buffer.allocUnsafeSlow(blockBytes);
  }

  /** A promise only where there is something to wait for. Copies `bytes`. */
  append(bytes: Uint8Array): Promise<void> | undefined {
    if (this.#length + bytes.length <= this.#filling.length) {
      this.#filling.set(bytes, this.#length);
      this.#length += bytes.length;
      return undefined;
    }
    return this.#appendInBlocks(bytes);
  }

  /** Until everything is handed to the system. Throws what a write threw. */
  async flush(): Promise<void> {
    await this.#writeBlock();
    await this.#writing;
  }

  async #appendInBlocks(bytes: Uint8Array): Promise<void> {
    for (let done = 0; done < bytes.length;) {
      const take = Math.min(bytes.length - done, this.#filling.length - this.#length);
      this.#filling.set(bytes.subarray(done, done + take), this.#length);
      this.#length += take;
      done += take;
      if (this.#length === this.#filling.length) await this.#writeBlock();
    }
  }

  async #writeBlock(): Promise<void> {
    await this.#writing;
    const block = this.#filling.subarray(0, this.#length);
    [this.#filling, this.#spare] = [this.#spare, this.#filling];
    this.#length = 0;
    this.#writing = this.#file.writeFile(block);
    // Whoever writes or flushes next gets the error; until then nobody waits for it.
    this.#writing.catch(() => undefined);
  }
}
