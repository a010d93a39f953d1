/** The lines of a file that another process appends to, each once. */
import { open } from "node:fs/promises";
import { StringDecoder } from "node:string_decoder";

const CHUNK_BYTES = 1 << 16;

export class Tail {
  readonly #path: string;
  readonly #decoder = new StringDecoder("utf8");
  #offset = 0;
  #rest = "";

  constructor(path: string) {
    this.#path = path;
  }

  /** Lines that were finished since the last call. `last`: nobody writes any more, so half a line counts too. */
  async read(onLine: (line: string) => void, last = false): Promise<void> {
    const file = await open(this.#path).catch(() => undefined);
    if (file !== undefined)
      try {
        const buffer = Buffer.alloc(CHUNK_BYTES);
        for (;;) {
          const { bytesRead } = await file.read(buffer, 0, CHUNK_BYTES, this.#offset);
          if (bytesRead === 0) break;
          this.#offset += bytesRead;
          const lines = (this.#rest + this.#decoder.write(buffer.subarray(0, bytesRead))).split("\n");
          this.#rest = lines.pop() ?? "";
          lines.forEach((line) => onLine(line.replace(/\r$/, "")));
        }
      } finally {
        await file.close();
      }
    if (last && this.#rest !== "") {
      onLine(this.#rest);
      this.#rest = "";
    }
  }
}
