/**
 * artifacts/<stage>/<output>: an object as a person opens it. Copies (shared blocks where the file system has
 * them), so that what is edited here never reaches the store; only files too large to copy lightly are links to
 * the read-only original (docs/adr/0011).
 */
import { constants, existsSync, readdirSync, renameSync, statSync } from "node:fs";
import { chmod, copyFile, mkdir, rm, symlink } from "node:fs/promises";
import { basename, dirname, join, relative } from "node:path";
import { errorCode } from "../std/error-code.ts";
import { namesInNow } from "../std/names-in.ts";
import type { ObjectRecord } from "./records.ts";
import { makeWorkDirectory, sweepWork } from "./work.ts";

/** Above this size, and where blocks cannot be shared, a file is linked instead of copied. */
const COPY_LIMIT_BYTES = 64 * 1024 * 1024;

export interface ViewOptions {
  readonly target: string;
  readonly object: ObjectRecord;
  readonly objectPath: string;
  /** cache/work/. */
  readonly workRoot: string;
  /** Adds files for people to the finished copy. */
  readonly present?: ((directory: string) => Promise<void>) | undefined;
  /** Calls `swap` while no other runner swaps, and remembers what is shown now. */
  readonly exclusively: (swap: () => void) => void;
}

/** Replaces `target` by a view of the object; a reader sees the old one or the new one, never a half. */
export async function makeView(options: ViewOptions): Promise<void> {
  const { target, object, objectPath, present, exclusively } = options;
  const work = await makeViewWork(target, options.workRoot);
  try {
    const [next, old] = [join(work, "next"), join(work, "old")];
    await mkdir(next);
    for (const { path, sizeBytes } of object.files) {
      const to = join(next, path);
      await mkdir(dirname(to), { recursive: true });
      await copyOrLink(join(objectPath, path), to, join(target, path), sizeBytes);
    }
    await present?.(next);
    exclusively(() => {
      // Between these two renames there is no view, and after a kill here the next run makes it again.
      if (existsSync(target)) renameSync(target, old);
      renameSync(next, target);
    });
  } finally {
    await rm(work, { recursive: true, force: true });
  }
}

/**
 * A directory to make the view in: among all unfinished work, which one look finds again after a kill; or, where that is
 * another file system, to which no rename leads, beside the target.
 */
async function makeViewWork(target: string, workRoot: string): Promise<string> {
  const shelf = dirname(target);
  await mkdir(shelf, { recursive: true });
  await mkdir(workRoot, { recursive: true });
  return isOneFileSystem(shelf, workRoot)
    ? makeWorkDirectory(workRoot, "view")
    : makeWorkDirectory(shelf, `${BESIDE}${basename(target)}`);
}

/** Of work beside views, which nobody gives names with a dot. */
const BESIDE = ".";

/** Removes what killed processes left beside views. `root`: artifacts/. */
export async function sweepViewWork(root: string, workRoot: string): Promise<void> {
  if (!existsSync(root) || !existsSync(workRoot)) return;
  const isApart = !isOneFileSystem(root, workRoot);
  for (const shelf of readdirSync(root, { withFileTypes: true })) {
    if (!isApart && !shelf.isSymbolicLink()) continue;
    const folder = join(root, shelf.name);
    await sweepWork(
      folder,
      namesInNow(folder).filter((name) => name.startsWith(BESIDE)),
    );
  }
}

const isOneFileSystem = (a: string, b: string): boolean => statSync(a).dev === statSync(b).dev;

/** `home`: where the file will be in the end; a relative link counts from there. */
async function copyOrLink(from: string, to: string, home: string, sizeBytes: number): Promise<void> {
  if (sizeBytes > COPY_LIMIT_BYTES && !(await shareBlocks(from, to)))
    return symlink(relative(dirname(home), from), to);
  if (sizeBytes <= COPY_LIMIT_BYTES) await copyFile(from, to, constants.COPYFILE_FICLONE);
  await chmod(to, 0o644);
}

/** False where the file system cannot share blocks between files. */
async function shareBlocks(from: string, to: string): Promise<boolean> {
  try {
    await copyFile(from, to, constants.COPYFILE_FICLONE_FORCE);
    return true;
  } catch (error) {
    const code = errorCode(error);
    if (
      code === "ENOTSUP" ||
      code === "EOPNOTSUPP" ||
      code === "EXDEV" ||
      code === "EINVAL" ||
      code === "ENOSYS" ||
      code === "ENOTTY"
    ) {
      await rm(to, { force: true });
      return false;
    }
    throw error;
  }
}
