/**
 * Objects: finished artifacts as read-only directories named by their digest, cache/objects/<aa>/<digest>/.
 * They appear by one rename and never change. Knows nothing of who made them.
 */
import { constants as fileTypes, existsSync, lstatSync } from "node:fs";
import { mkdir, rename, rm } from "node:fs/promises";
import { dirname, join, sep } from "node:path";
import { errorCode } from "../std/error-code.ts";
import { digestFile } from "../hashing/digest.ts";
import { digestTree, treeDigest, type TreeFile } from "../hashing/tree.ts";
import { sealTree, syncDirectory } from "./durable.ts";
import type { ObjectRecord, StoredFile } from "./records.ts";

export type ObjectProblem = {
  readonly code: "missing-object" | "missing-file" | "wrong-size" | "wrong-content";
  /** Relative to the object. */
  readonly path?: string;
  readonly message: string;
};

export type Verdict =
  /** `fresh`: files were touched, yet hold the right bytes; the record with their new stats. */
  | { readonly intact: true; readonly fresh?: ObjectRecord }
  | { readonly intact: false; readonly problem: ObjectProblem };

export class ObjectDirectory {
  readonly #root: string;

  constructor(root: string) {
    this.#root = root;
  }

  path(digest: string): string {
    // Not `join`: a plan asks for every artifact of every stage.
    return `${this.#root}${sep}${digest.slice(0, 2)}${sep}${digest}`;
  }

  /**
   * Takes a finished directory into the store: hashed, sealed, on disk, renamed. The directory is gone
   * afterwards. The object is a hit for nobody until a record of it is committed. `hold` is asked whether the same
   * bytes, found in place, stay there until then.
   */
  async adopt(directory: string, hold: (digest: string) => boolean): Promise<ObjectRecord> {
    const files = await digestTree(directory);
    const digest = treeDigest(files);
    await sealTree(directory);
    const target = this.path(digest);
    const parent = dirname(target);
    await mkdir(parent, { recursive: true });
    if (existsSync(target)) {
      // The same bytes were made before. Believe them only after looking: they may be the torn ones that this run replaces.
      const present = await this.verify({ digest, sizeBytes: 0, files: files.map(untouched) });
      if (present.intact && hold(digest)) {
        await rm(directory, { recursive: true, force: true });
        // Whoever moved it in may have been killed before this.
        await this.#syncShelf(parent);
        return present.fresh ?? this.#record(digest, files);
      }
      await moveAway(target, `${directory}.torn`);
      await rm(`${directory}.torn`, { recursive: true, force: true });
    }
    await this.#moveIn(directory, target);
    await this.#syncShelf(parent);
    return this.#record(digest, files);
  }

  async #syncShelf(shelf: string): Promise<void> {
    await syncDirectory(shelf);
    await syncDirectory(this.#root);
  }

  /** Another runner may move the same bytes in at the same time; one of the two renames finds the place taken. */
  async #moveIn(directory: string, target: string): Promise<void> {
    try {
      await rename(directory, target);
    } catch (error) {
      if (!isTaken(error)) throw error;
      await rm(directory, { recursive: true, force: true });
    }
  }

  #record(digest: string, files: readonly TreeFile[]): ObjectRecord {
    const stored = files.map((file) => ({ ...file, stat: statOf(join(this.path(digest), file.path)) }));
    return { digest, sizeBytes: totalSize(stored), files: stored };
  }

  /**
   * Are the files there, with the right sizes, and untouched since their bytes were last known? A touched one is
   * hashed. `deep` hashes all.
   */
  async verify(
    record: ObjectRecord,
    options: { deep?: boolean; signal?: AbortSignal | undefined } = {},
  ): Promise<Verdict> {
    const directory = this.path(record.digest);
    const stored: StoredFile[] = [];
    for (const file of record.files) {
      const path = `${directory}${sep}${file.path}`;
      const stat = lstatSync(path, { bigint: true, throwIfNoEntry: false });
      // Not `isFile`, which makes integers without bound of constants each time: a plan asks for every file.
      if (stat === undefined || (Number(stat.mode) & fileTypes.S_IFMT) !== fileTypes.S_IFREG)
        return existsSync(directory) ? missingFile(path, file.path) : missingObject(directory);
      if (stat.size !== BigInt(file.sizeBytes)) {
        const message = `${path} has ${stat.size.toString()} bytes instead of ${file.sizeBytes}`;
        return torn({ code: "wrong-size", path: file.path, message });
      }
      const touched = statText(stat) !== file.stat;
      if (touched || options.deep === true) {
        const { sha256 } = await digestFile(path, options.signal);
        if (sha256 !== file.sha256) {
          const message = `${path} has changed: sha256 ${sha256} instead of ${file.sha256}`;
          return torn({ code: "wrong-content", path: file.path, message });
        }
      }
      stored.push(touched ? { ...file, stat: statText(stat) } : file);
    }
    if (record.files.length === 0 && !existsSync(directory)) return missingObject(directory);
    const fresh = { digest: record.digest, sizeBytes: totalSize(stored), files: stored };
    return stored.some((file, index) => file !== record.files[index])
      ? { intact: true, fresh }
      : { intact: true };
  }
}

/** Another runner may have found the same object torn, and moved it first. */
async function moveAway(from: string, to: string): Promise<void> {
  try {
    await rename(from, to);
  } catch (error) {
    if (errorCode(error) !== "ENOENT") throw error;
  }
}

const torn = (problem: ObjectProblem): Verdict => ({ intact: false, problem });

const missingObject = (directory: string): Verdict =>
  torn({ code: "missing-object", message: `${directory} is gone` });

const missingFile = (path: string, relative: string): Verdict =>
  torn({ code: "missing-file", path: relative, message: `${path} is gone` });

const totalSize = (files: readonly TreeFile[]): number =>
  files.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);

const untouched = (file: TreeFile): StoredFile => ({ ...file, stat: "" });

const statOf = (path: string): string => statText(lstatSync(path, { bigint: true }));

const statText = (stat: { mtimeNs: bigint; ctimeNs: bigint; ino: bigint }): string =>
  `${stat.mtimeNs.toString()}:${stat.ctimeNs.toString()}:${stat.ino.toString()}`;

const isTaken = (error: unknown): boolean => /^(?:ENOTEMPTY|EEXIST)$/.test(errorCode(error) ?? "");
