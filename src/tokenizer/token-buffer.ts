import { grown } from "./grown.ts";

/** A growing run of token ids; `data` holds `length` of them and room for more. */
export class TokenBuffer {
  length = 0;
  data = new Uint32Array(1 << 10);

  push(id: number): void {
    if (this.length === this.data.length) this.data = grown(this.data, this.length + 1);
    this.data[this.length++] = id;
  }

  /** Appends source[start, end). */
  append(source: Uint32Array, start: number, end: number): void {
    const length = this.length + end - start;
    if (length > this.data.length) this.data = grown(this.data, length);
    for (let i = start, at = this.length; i < end; i++, at++) this.data[at] = source[i] as number;
    this.length = length;
  }

  /** A copy of the ids from `start` on. */
  slice(start = 0): Uint32Array<ArrayBuffer> {
    return this.data.slice(start, this.length);
  }

  clear(): void {
    this.length = 0;
  }
}
