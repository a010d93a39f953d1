/** One's own files: one, or a folder of those whose format is known. Every file is digested. */
import { createHash } from "node:crypto";
import type { Stats } from "node:fs";
import { open, readdir, stat } from "node:fs/promises";
import { basename, dirname, join, sep } from "node:path";
import { PipelineError, userError } from "../../errors.ts";
import { digestOf } from "../../std/digest.ts";
import { errorCode } from "../../std/error-code.ts";
import type { SourceRecord } from "../documents/manifest.ts";
import { fileKind, READABLE_KINDS } from "../formats/file-kind.ts";
import type { Source, SourceFile } from "./source.ts";

/** Reads every file once, to know its digest. Throws what `listLocal` throws. */
export async function openLocal(path: string): Promise<Source> {
  const { name, files } = await listLocal(path);
  const digested: SourceFile[] = [];
  for await (const file of files()) {
    const hash = createHash("sha256");
    for await (const chunk of file.open()) hash.update(chunk);
    digested.push({ ...file, digest: `sha256:${hash.digest("hex")}` });
  }
  const read = digested.map(({ path: one, digest, size }) => ({
    path: one,
    digest: digest ?? "",
    bytes: size,
  }));
  // Changes when any file does.
  const revision = `sha256:${digestOf(read.map(({ path: one, digest }) => `${one}\0${digest}\n`).join(""))}`;
  return localSource(name, revision, digested, read);
}

/**
 * Files in order of their path, none of them read: nothing pins their content. Throws FILE_NOT_FOUND for a path that is not
 * there, FILE_UNREADABLE for one that the system does not let be read, FILE_KIND_UNKNOWN for a file that is not read and
 * EMPTY_CORPUS for a folder without one that is.
 */
export async function listLocal(path: string): Promise<Source> {
  const found = await stat(path).catch((error: unknown) => {
    throw /^(?:ENOENT|ENOTDIR)$/.test(errorCode(error) ?? "") ? notFound(path) : unreadable(path, error);
  });
  // A pipe or a device has no size, and would be taken for an empty file.
  if (!found.isDirectory() && (fileKind(path) === undefined || !found.isFile())) {
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
      "Put such files there, or correct the path.",
    );
  }
  const files = await Promise.all(
    paths.map(async (one): Promise<SourceFile> => {
      const { size } = await stat(join(root, one)).catch((error: unknown) => {
        throw unreadable(join(root, one), error);
      });
      return { path: one, size, open: opener(join(root, one), size) };
    }),
  );
  return localSource(`local:${path.split(sep).join("/")}`, "unread", files, []);
}

const localSource = (
  name: string,
  revision: string,
  files: readonly SourceFile[],
  read: NonNullable<SourceRecord["files"]>,
): Source => ({
  name,
  revision,
  files: async function* (wanted = () => true) {
    for (const file of files) if (wanted(file.path)) yield await Promise.resolve(file);
  },
  record: () => ({ name, revision, files: read }),
});

const opener = (path: string, size: number): SourceFile["open"] =>
  async function* (start = 0, end = size) {
    if (end <= start) return;
    const file = await open(path).catch((error: unknown) => {
      throw unreadable(path, error);
    });
    yield* file.createReadStream({ start, end: end - 1 }) as AsyncIterable<Uint8Array>; // which closes it
  };

const notFound = (path: string): PipelineError =>
  userError(
    "FILE_NOT_FOUND",
    `${path}: there is no such file or folder.`,
    "Correct the path; it is taken relative to the current folder, in a recipe to that in which the pipeline runs.",
  );

const unreadable = (path: string, error: unknown): PipelineError =>
  userError(
    "FILE_UNREADABLE",
    `${path} cannot be read: ${error instanceof Error ? error.message : String(error)}.`,
    "Give yourself the right to read it and the folders that it is in, or take it out of the folder.",
  );

/**
 * Relative paths of the files that are read, in their order. Links are followed, as the digest of a folder follows them
 * (hashing/local-files.ts); one that leads back to a folder above it is left out.
 */
async function listFiles(root: string): Promise<string[]> {
  const paths: string[] = [];
  const visit = async (folder: string, above: readonly string[]): Promise<void> => {
    for (const entry of await readdir(join(root, folder), { withFileTypes: true })) {
      const path = folder === "" ? entry.name : `${folder}/${entry.name}`;
      const isRead = fileKind(entry.name) !== undefined;
      if (entry.isDirectory()) await visit(path, above);
      else if (entry.isFile() && isRead) paths.push(path);
      else if (entry.isSymbolicLink()) {
        const target = await stat(join(root, path)).catch((error: unknown) => {
          // To nothing: without it nothing is lost, unless its name says that it is read.
          if (isRead || errorCode(error) !== "ENOENT") throw unreadable(join(root, path), error);
        });
        if (target?.isFile() === true && isRead) paths.push(path);
        if (target?.isDirectory() === true && !above.includes(identityOf(target)))
          await visit(path, [...above, identityOf(target)]);
      }
    }
  };
  const start = await stat(root);
  await visit("", [identityOf(start)]).catch((error: unknown) => {
    throw error instanceof PipelineError ? error : unreadable(root, error);
  });
  return paths.sort();
}

const identityOf = ({ dev, ino }: Stats): string => `${dev}:${ino}`;
