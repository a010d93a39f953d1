/** Memory for variables on their way into an executable, used again and again: what is touched first costs more than a copy. */
import { bytesOf } from "../../tensor/cost.ts";
import type { HostTensor } from "../../tensor/types.ts";
import { tensorIn } from "./variable-bytes.ts";
import type { Place } from "./replica-protocol.ts";
import type { SharedFile } from "./shared-file.ts";

const wasmPage = 1 << 16;
/** Node has it; its types describe it as a namespace only. */
declare const WebAssembly: {
  readonly Memory: new (size: { readonly initial: number }) => { readonly buffer: ArrayBuffer };
};

export class HostRoom {
  #buffer = new ArrayBuffer(0);

  /**
   * What the file holds at `places`, which follow each other with small gaps, the lowest first. It stays until the next
   * call: executables keep none of what they are given.
   */
  read(file: SharedFile, places: readonly Place[]): HostTensor[] {
    const [first] = places;
    const last = places.at(-1);
    if (first === undefined || last === undefined) return [];
    const start = first.position;
    const bytes = last.position + bytesOf(last.variable) - start;
    const buffer = this.#reserve(bytes);
    file.read(start, new Uint8Array(buffer, 0, bytes));
    return places.map(({ variable, position }) => tensorIn(buffer, variable, position - start));
  }

  #reserve(bytes: number): ArrayBuffer {
    // TensorFlow copies what does not begin at a multiple of 64 bytes. Such memory begins with a page; an ArrayBuffer need not.
    if (this.#buffer.byteLength < bytes)
      this.#buffer = new WebAssembly.Memory({ initial: Math.ceil(bytes / wasmPage) }).buffer;
    return this.#buffer;
  }
}
