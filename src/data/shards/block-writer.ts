/** Appends bytes to a file in blocks: one is written while the next is filled. */
import type { FileHandle } from "node:fs/promises";

const nothing = new Uint8Array();

export class BlockWriter {
  readonly #file: FileHandle;
  /** Blocks that nobody fills or writes; writers of equal blocks may share them. */
  readonly #spares: Buffer[];
  #filling: Buffer;
  #length = 0;
  #writing: Promise<void> = Promise.resolve();

  constructor(file: FileHandle, blockBytes: number, spares: Buffer[] = []) {
    this.#file = file;
    this.#spares = spares;
    this.#filling = spares.pop() ?? Buffer.allocUnsafeSlow(blockBytes);
  }

  /**
   * One after the other. A promise only where there is something to wait for: until then neither may change, and nothing
   * else be appended. Copies both.
   */
  append(first: Uint8Array, second: Uint8Array = nothing): Promise<void> | undefined {
    if (this.#length + first.length + second.length > this.#filling.length)
      return this.#appendInBlocks(first, second);
    this.#filling.set(first, this.#length);
    this.#length += first.length;
    this.#filling.set(second, this.#length);
    this.#length += second.length;
    return undefined;
  }

  /** Until everything is handed to the system. Throws what a write threw. */
  async flush(): Promise<void> {
    await this.#writeBlock();
    await this.#writing;
  }

  async #appendInBlocks(...parts: readonly Uint8Array[]): Promise<void> {
    for (const bytes of parts)
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
    const block = this.#filling;
    this.#filling = this.#spares.pop() ?? Buffer.allocUnsafeSlow(block.length);
    this.#writing = this.#write(block, this.#length);
    this.#length = 0;
    // Whoever writes or flushes next gets the error; until then nobody waits for it.
    this.#writing.catch(() => undefined);
  }

  /** In one call, which wakes a thread, where `writeFile` makes one for every 512 KiB. */
  async #write(block: Buffer, length: number): Promise<void> {
    for (let done = 0; done < length;)
      done += (await this.#file.write(block, done, length - done)).bytesWritten;
    this.#spares.push(block);
  }
}
