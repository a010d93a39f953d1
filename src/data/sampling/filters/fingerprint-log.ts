/** Fingerprints of documents on disk, in their order: 32 bytes and 8 a band for each. */
import { createReadStream } from "node:fs";
import { AppendFile, type AppendOptions } from "../../../std/append-file.ts";
import type { Fingerprints } from "./document-filter.ts";

const DIGEST_BYTES = 32;

export class FingerprintLog {
  readonly #path: string;
  readonly #bands: number;
  readonly #file: AppendFile;

  /** As `AppendFile`: an existing file rejects with EEXIST unless it is gone on with. */
  constructor(path: string, bands: number, options: AppendOptions = {}) {
    this.#path = path;
    this.#bands = bands;
    this.#file = new AppendFile(path, options);
  }

  append({ digest, bandKeys }: Fingerprints): Promise<void> {
    const bytes = Buffer.alloc(DIGEST_BYTES + this.#bands * 8);
    digest.copy(bytes);
    bandKeys?.forEach((word, index) => bytes.writeUInt32LE(word, DIGEST_BYTES + index * 4));
    return this.#file.append(bytes);
  }

  /** Everything appended so far is on disk when this resolves to its length. */
  sync(): Promise<number> {
    return this.#file.sync();
  }

  close(): Promise<void> {
    return this.#file.close();
  }

  abandon(): Promise<void> {
    return this.#file.abandon();
  }

  /** What the first `length` bytes hold. A document without band keys has zeros in their place. */
  async *read(length: number): AsyncGenerator<Fingerprints> {
    if (length === 0) return;
    const size = DIGEST_BYTES + this.#bands * 8;
    let rest: Uint8Array = new Uint8Array(0);
    for await (const chunk of createReadStream(this.#path, {
      end: length - 1,
    }) as AsyncIterable<Uint8Array>) {
      const bytes = Buffer.concat([rest, chunk]);
      let at = 0;
      for (; at + size <= bytes.length; at += size) yield this.#decode(bytes.subarray(at, at + size));
      rest = bytes.subarray(at);
    }
  }

  #decode(bytes: Buffer): Fingerprints {
    const keys = Uint32Array.from({ length: this.#bands * 2 }, (_, index) =>
      bytes.readUInt32LE(DIGEST_BYTES + index * 4),
    );
    const bandKeys = keys.some((word) => word !== 0) ? keys : undefined;
    return { digest: bytes.subarray(0, DIGEST_BYTES), bandKeys };
  }
}
