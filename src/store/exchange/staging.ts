/**
 * Where files of other machines wait until an artifact is whole: below cache/work, so that what a killed process
 * leaves is swept. Artifacts are then adopted as if they had been made here.
 */
import { constants, createWriteStream } from "node:fs";
import { copyFile, mkdir, rename, rm, statfs } from "node:fs/promises";
import { dirname, join } from "node:path";
import { pipeline } from "node:stream/promises";
import { PipelineError } from "../../errors.ts";
import type { ObjectRecord } from "../records.ts";
import type { Store } from "../store.ts";
import { distinctBlobs, totalBytes, verified, type BlobName } from "./blob.ts";
import type { PortableObject } from "./entry.ts";

export class Staging {
  readonly #store: Store;
  readonly #directory: string;
  readonly #objects: readonly PortableObject[];
  /** How many files are still to be made of each blob. */
  readonly #uses = new Map<string, number>();
  /** What must arrive, by sha256. */
  readonly wanted: ReadonlyMap<string, BlobName>;

  private constructor(store: Store, directory: string, objects: readonly PortableObject[]) {
    this.#store = store;
    this.#directory = directory;
    this.#objects = objects;
    const files = objects.flatMap((object) => object.files);
    this.wanted = distinctBlobs(files);
    for (const { sha256 } of files) this.#uses.set(sha256, (this.#uses.get(sha256) ?? 0) + 1);
  }

  /** `objects`: each digest once. Throws `DISK_TOO_SMALL`. */
  static async open(store: Store, name: string, objects: readonly PortableObject[]): Promise<Staging> {
    const directory = await store.makeWorkDirectory(name);
    const staging = new Staging(store, directory, objects);
    try {
      await assertRoom(directory, totalBytes(staging.wanted.values()));
      await mkdir(join(directory, "blobs"));
      return staging;
    } catch (error) {
      await staging.dispose();
      throw error;
    }
  }

  /** Throws `BLOB_CORRUPT`; what had come of it is then gone. */
  async receive(
    blob: BlobName,
    chunks: AsyncIterable<Uint8Array>,
    options: {
      readonly what: string;
      readonly onBytes: (bytes: number) => void;
      readonly signal: AbortSignal;
    },
  ): Promise<void> {
    const path = this.#path(blob.sha256);
    const sink = createWriteStream(`${path}.part`);
    await pipeline(verified(chunks, blob, options.what, options.onBytes), sink, { signal: options.signal });
    await rename(`${path}.part`, path);
  }

  /** Makes the artifacts of what arrived and adopts them; each is checked once more on the way. */
  async adopt(signal: AbortSignal): Promise<ReadonlyMap<string, ObjectRecord>> {
    const adopted = new Map<string, ObjectRecord>();
    for (const object of this.#objects) {
      signal.throwIfAborted();
      const directory = join(this.#directory, object.digest);
      await mkdir(directory);
      for (const { path, sha256 } of object.files) await this.#place(sha256, join(directory, path));
      const record = await this.#store.adopt(directory);
      if (record.digest !== object.digest)
        throw new Error(`the files of ${object.digest} became ${record.digest}`);
      adopted.set(record.digest, record);
    }
    return adopted;
  }

  async dispose(): Promise<void> {
    await rm(this.#directory, { recursive: true, force: true });
  }

  #path(sha256: string): string {
    return join(this.#directory, "blobs", sha256);
  }

  async #place(sha256: string, target: string): Promise<void> {
    await mkdir(dirname(target), { recursive: true });
    const left = (this.#uses.get(sha256) ?? 1) - 1;
    this.#uses.set(sha256, left);
    if (left === 0) await rename(this.#path(sha256), target);
    else await copyFile(this.#path(sha256), target, constants.COPYFILE_FICLONE);
  }
}

async function assertRoom(directory: string, neededBytes: number): Promise<void> {
  const { bavail, bsize } = await statfs(directory);
  const freeBytes = bavail * bsize;
  if (neededBytes > freeBytes)
    throw new PipelineError({
      code: "DISK_TOO_SMALL",
      message: `${neededBytes} bytes would come, and the disk of ${directory} has ${freeBytes} left`,
      hint: "make room, or ask for fewer targets",
    });
}
