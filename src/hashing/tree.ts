/** Directory trees: what files an artifact has, and the digest that names it. Modes and times do not count. */
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { PipelineError } from "../errors.ts";
import { byCodeUnit } from "./canonical.ts";
import { digestFile, digestValue } from "./digest.ts";

export interface TreeFile {
  /** Relative, with `/`. */
  readonly path: string;
  readonly sizeBytes: number;
  readonly sha256: string;
}

/** The digest of an artifact: of the list [path, size, sha256] in path order. */
export function treeDigest(files: readonly TreeFile[]): string {
  const sorted = [...files].sort((a, b) => byCodeUnit(a.path, b.path));
  return digestValue(sorted.map((file) => [file.path, file.sizeBytes, file.sha256]));
}

/** Relative paths of all files, in path order. Throws `ARTIFACT_NOT_PLAIN` for links, sockets and the like. */
export function listTree(directory: string): string[] {
  const paths: string[] = [];
  const visit = (relative: string): void => {
    for (const entry of readdirSync(join(directory, relative), { withFileTypes: true })) {
      const path = relative === "" ? entry.name : `${relative}/${entry.name}`;
      if (entry.isDirectory()) visit(path);
      else if (entry.isFile()) paths.push(path);
      else
        throw new PipelineError({
          code: "ARTIFACT_NOT_PLAIN",
          message: `${join(directory, path)} is neither a file nor a directory`,
          hint: "an artifact holds plain files only: copy what the link points to",
        });
    }
  };
  visit("");
  return paths.sort(byCodeUnit);
}

/** Hashes every file of a directory, one after the other. */
export async function digestTree(directory: string, signal?: AbortSignal): Promise<TreeFile[]> {
  const files: TreeFile[] = [];
  for (const path of listTree(directory))
    files.push({ path, ...(await digestFile(join(directory, path), signal)) });
  return files;
}
