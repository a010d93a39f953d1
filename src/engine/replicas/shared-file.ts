/**
 * Bytes that several processes read and write by position: a file without a name, in memory where the system has room
 * for it (/dev/shm). Node cannot map files; reading and writing one in memory are single copies. Its space is taken when
 * it is made, so that it cannot run out later.
 */
import { closeSync, ftruncateSync, openSync, readSync, rmSync, statfsSync, writeSync } from "node:fs";
import { randomUUID } from "node:crypto";
import { join } from "node:path";
import { PipelineError } from "../../errors.ts";
import { errorCode } from "../../std/error-code.ts";

type Elements = Float32Array | Int32Array | Uint8Array;

export class SharedFile implements Disposable {
  readonly #descriptor: number;

  /** Opens the file that another process has made; it may lose its name then. `flags`: of open(2). */
  constructor(path: string, flags = "r+") {
    this.#descriptor = openSync(path, flags, 0o600);
  }

  write(position: number, elements: Elements): void {
    const bytes = bytesOf(elements);
    for (let done = 0; done < bytes.length;)
      done += writeSync(this.#descriptor, bytes, done, bytes.length - done, position + done);
  }

  /** Fills `elements`. */
  read(position: number, elements: Elements): void {
    const bytes = bytesOf(elements);
    for (let done = 0; done < bytes.length;) {
      const read = readSync(this.#descriptor, bytes, done, bytes.length - done, position + done);
      if (read === 0) throw new Error(`the shared file ends before ${position + bytes.length}`);
      done += read;
    }
  }

  /** Takes the space for so many bytes. Throws Node's `ENOSPC`, and holds none then. */
  reserve(bytes: number): void {
    const zeros = new Uint8Array(Math.min(bytes, 1 << 24));
    try {
      for (let at = 0; at < bytes; at += zeros.length)
        this.write(at, zeros.subarray(0, Math.min(zeros.length, bytes - at)));
    } catch (error) {
      ftruncateSync(this.#descriptor, 0);
      throw error;
    }
  }

  [Symbol.dispose](): void {
    closeSync(this.#descriptor);
  }
}

const bytesOf = ({ buffer, byteOffset, byteLength }: Elements): Uint8Array =>
  new Uint8Array(buffer, byteOffset, byteLength);

export interface ShareOptions {
  readonly bytes: number;
  /** Folders, the best first. */
  readonly places: readonly string[];
  /** Opens it in the other processes, while it has a name and is empty. */
  readonly attach: (path: string) => Promise<void>;
  /** Told where the first place could not be used. */
  readonly onNote: (message: string) => void;
}

/** Throws `SHARED_MEMORY_FULL` where no place has room. */
export async function shareFile({ bytes, places, attach, onNote }: ShareOptions): Promise<SharedFile> {
  const refused: string[] = [];
  for (const place of places) {
    const room = roomIn(place);
    const file = room >= bytes ? await shareIn(place, bytes, attach) : undefined;
    if (file !== undefined) {
      if (refused.length > 0)
        onNote(`devices share gradients through ${place}, because ${refused.join(", ")}`);
      return file;
    }
    refused.push(Number.isNaN(room) ? `there is no ${place}` : `${place} has ${megabytes(room)} of room`);
  }
  throw new PipelineError({
    code: "SHARED_MEMORY_FULL",
    message: `the devices need ${megabytes(bytes)} to share their gradients, but ${refused.join(", ")}`,
    hint: `Make room in one of them, e.g. by docker run --shm-size=${Math.ceil(bytes / 2 ** 30) + 1}g, or train on one device.`,
  });
}

/** Undefined where its space cannot be had. */
async function shareIn(
  place: string,
  bytes: number,
  attach: ShareOptions["attach"],
): Promise<SharedFile | undefined> {
  const path = join(place, `minilm-devices-${process.pid}-${randomUUID()}`);
  const file = new SharedFile(path, "wx+");
  try {
    try {
      await attach(path);
    } finally {
      rmSync(path);
    }
    file.reserve(bytes);
    return file;
  } catch (error) {
    file[Symbol.dispose]();
    if (errorCode(error) === "ENOSPC" || errorCode(error) === "EDQUOT") return undefined;
    throw error;
  }
}

/** Free bytes; NaN where there is no such folder. */
function roomIn(place: string): number {
  try {
    const { bavail, bsize } = statfsSync(place);
    return bavail * bsize;
  } catch (error) {
    if (errorCode(error) === "ENOENT") return NaN;
    throw error;
  }
}

const megabytes = (bytes: number): string => `${Math.ceil(bytes / 2 ** 20)} MiB`;
