/** One's own files: one, or a folder of those whose format is known. Every file is digested. */
import { createReadStream } from "node:fs";
import { readdir, stat } from "node:fs/promises";
import { basename, dirname, join, relative, resolve, sep } from "node:path";
import { userError } from "../../errors.ts";
import { digestOf, digestOfFile } from "../../std/digest.ts";
import type { SourceRecord } from "../documents/manifest.ts";
import { fileKind, READABLE_KINDS } from "../formats/file-kind.ts";
import type { Source, SourceFile } from "./source.ts";

/**
 * Files in order of their path. Throws FILE_NOT_FOUND for a path that is not there, FILE_KIND_UNKNOWN for a file of
 * another kind and EMPTY_CORPUS for a folder without a file of these kinds.
 */
export async function openLocal(path: string): Promise<Source> {
  const found = await stat(path).catch(() => undefined);
  if (!found) {
    throw userError(
      "FILE_NOT_FOUND",
      `${path}: there is no such file or folder.`,
      "Correct the path in the recipe; it is taken relative to the folder in which the pipeline runs.",
    );
  }
  if (!found.isDirectory() && fileKind(path) === undefined) {
    throw userError(
      "FILE_KIND_UNKNOWN",
      `${path}: files that are read are ${READABLE_KINDS}.`,
      "Save it in one of these formats, and give the path of that file.",
    );
  }
  const root = found.isDirectory() ? path : dirname(path);
  const paths = found.isDirectory() ? await listFiles(path) : [basename(path)];
  if (paths.length === 0) {
    throw userError(
      "EMPTY_CORPUS",
      `${path}: the folder holds no file that is read (${READABLE_KINDS}).`,
      "Put such files there, or correct the path in the recipe.",
    );
  }
  const files: NonNullable<SourceRecord["files"]> = [];
  for (const one of paths) {
    const absolute = join(root, one);
    files.push({
      path: one,
      digest: `sha256:${await digestOfFile(absolute)}`,
      bytes: (await stat(absolute)).size,
    });
  }
  const name = `local:${path.split(sep).join("/")}`;
  const revision = revisionOf(files);
  return {
    name,
    revision,
    files: async function* (wanted = () => true) {
      for (const { path: one, bytes } of files) {
        if (!wanted(one)) continue;
        yield await Promise.resolve({ path: one, size: bytes, open: opener(join(root, one)) });
      }
    },
    record: () => ({ name, revision, files }),
  };
}

const opener =
  (path: string): SourceFile["open"] =>
  (start, end) =>
    createReadStream(path, {
      ...(start === undefined ? {} : { start }),
      ...(end === undefined ? {} : { end: end - 1 }),
    }) as AsyncIterable<Uint8Array>;

/** Changes when any file does. */
const revisionOf = (files: NonNullable<SourceRecord["files"]>): string =>
  `sha256:${digestOf(files.map(({ path, digest }) => `${path}\0${digest}\n`).join(""))}`;

async function listFiles(directory: string): Promise<string[]> {
  const entries = await readdir(directory, { recursive: true, withFileTypes: true });
  return entries
    .filter((entry) => entry.isFile() && fileKind(entry.name) !== undefined)
    .map((entry) => relative(resolve(directory), resolve(entry.parentPath, entry.name)).split(sep).join("/"))
    .sort();
}
