/** A file that is only appended to, in large writes, and can be gone on with at a length that was synced. */
import { open, truncate, type FileHandle } from "node:fs/promises";

export interface AppendOptions {
  /** Goes on with an existing file after its first so many bytes; what follows them is dropped. */
  readonly resumeAt?: number | undefined;
}

const FLUSH_BYTES = 1 << 17;

export class AppendFile {
  readonly #path: string;
  readonly #resumeAt: number | undefined;
  #file: FileHandle | undefined;
  #pending: Uint8Array[] = [];
  #pendingBytes = 0;
  #bytes: number;
  #synced = false;

  /** Opens at the first write: an existing file then rejects with EEXIST, unless `resumeAt` is given. */
  constructor(path: string, { resumeAt }: AppendOptions = {}) {
    this.#path = path;
    this.#resumeAt = resumeAt;
    this.#bytes = resumeAt ?? 0;
  }

  async append(data: string | Uint8Array): Promise<void> {
    const bytes = typeof data === "string" ? Buffer.from(data) : data;
    this.#pending.push(bytes);
    this.#pendingBytes += bytes.length;
    if (this.#pendingBytes >= FLUSH_BYTES) await this.#flush();
  }

  /** Everything appended so far is on disk when this resolves to the file's length. */
  async sync(): Promise<number> {
    const file = await this.#flush();
    if (!this.#synced) await file.datasync();
    this.#synced = true;
    return this.#bytes;
  }

  async close(): Promise<void> {
    await this.sync();
    await this.#file?.close();
    this.#file = undefined;
  }

  /** Closes the file as it is, without what was not yet written; for work that failed. */
  async abandon(): Promise<void> {
    this.#pending = [];
    this.#pendingBytes = 0;
    await this.#file?.close();
    this.#file = undefined;
  }

  async #flush(): Promise<FileHandle> {
    this.#file ??= await this.#open();
    if (this.#pendingBytes === 0) return this.#file;
    const data = Buffer.concat(this.#pending);
    this.#pending = [];
    this.#pendingBytes = 0;
    this.#synced = false;
    await this.#file.writeFile(data);
    this.#bytes += data.length;
    return this.#file;
  }

  async #open(): Promise<FileHandle> {
    if (this.#resumeAt === undefined) return open(this.#path, "ax");
    await truncate(this.#path, this.#resumeAt);
    return open(this.#path, "a");
  }
}
