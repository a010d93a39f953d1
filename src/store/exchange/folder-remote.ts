/** A shared folder as a remote. Files appear by one rename, after their bytes are on disk. */
import { createReadStream, constants, existsSync } from "node:fs";
import { lstat, mkdir, open, rename, rm } from "node:fs/promises";
import { randomUUID } from "node:crypto";
import { dirname, join } from "node:path";
import { userError } from "../../errors.ts";
import { errorCode } from "../../std/error-code.ts";
import { syncDirectory } from "../durable.ts";
import { makeWorkDirectory, sweepWork } from "../work.ts";
import type { RemoteSource, RemoteStore } from "./remote-store.ts";

const CHUNK_BYTES = 4 * 1024 * 1024;
/** What network file systems answer while their server restarts. */
const TRANSIENT = new Set(["EAGAIN", "EBUSY", "EINTR", "EIO", "ESTALE", "ETIMEDOUT"]);

export class FolderRemote implements RemoteStore {
  readonly url: string;
  #work: Promise<string> | undefined;

  /** `directory`: absolute. */
  constructor(directory: string) {
    this.url = directory;
  }

  async size(key: string): Promise<number | undefined> {
    try {
      const stat = await lstat(join(this.url, key));
      return stat.isFile() ? stat.size : undefined;
    } catch (error) {
      if (errorCode(error) === "ENOENT") return undefined;
      throw error;
    }
  }

  async get(key: string, signal: AbortSignal): Promise<AsyncIterable<Uint8Array> | undefined> {
    if ((await this.size(key)) === undefined) return undefined;
    // Neither follows a link nor waits for the writer of a pipe that somebody put there. Windows has no such flags.
    const { O_RDONLY, O_NOFOLLOW, O_NONBLOCK } = constants;
    const flags = process.platform === "win32" ? O_RDONLY : O_RDONLY | O_NOFOLLOW | O_NONBLOCK;
    const file = await open(join(this.url, key), flags);
    if (!(await file.stat()).isFile()) {
      await file.close();
      return undefined;
    }
    return createReadStream("", { fd: file, signal }) as AsyncIterable<Uint8Array>;
  }

  async put(key: string, source: RemoteSource, signal: AbortSignal): Promise<void> {
    this.#work ??= this.#makeWork();
    const temporary = join(await this.#work, randomUUID());
    const target = join(this.url, key);
    const file = await open(temporary, "wx");
    try {
      for (let at = 0; at < source.sizeBytes; at += CHUNK_BYTES) {
        signal.throwIfAborted();
        await file.writeFile(await source.read(at, Math.min(at + CHUNK_BYTES, source.sizeBytes)));
      }
      await file.sync();
    } finally {
      await file.close();
    }
    await mkdir(dirname(target), { recursive: true });
    await rename(temporary, target);
    await syncDirectory(dirname(target));
  }

  isTransient(error: unknown): boolean {
    return TRANSIENT.has(errorCode(error) ?? "");
  }

  async close(): Promise<void> {
    if (this.#work) await rm(await this.#work, { recursive: true, force: true });
  }

  /** What killed senders of this machine left goes on the way. */
  async #makeWork(): Promise<string> {
    // Not its parents: where a share is not mounted, nothing should be written below its place.
    if (!existsSync(this.url)) {
      if (!existsSync(dirname(this.url))) throw missingFolder(this.url);
      await mkdir(this.url, { recursive: true });
    }
    const root = join(this.url, "sending");
    await sweepWork(root);
    return makeWorkDirectory(root, "push");
  }
}

export const missingFolder = (directory: string) =>
  userError(
    "REMOTE_NOT_FOUND",
    `the remote ${directory} is not there`,
    "mount the share, or name another with --remote or remote.url of settings.yaml",
  );
