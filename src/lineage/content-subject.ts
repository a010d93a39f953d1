/** A path as the subject of a lineage query: what lies there is asked for by its content. */
import { existsSync, statSync } from "node:fs";
import { isAbsolute, join, relative, sep } from "node:path";
import { digestFile } from "../hashing/digest.ts";
import { digestTree, treeDigest } from "../hashing/tree.ts";

/**
 * A path below the project's artifacts/ as it is named there; the digest of any other file, or of a folder that is a
 * copy of an artifact; what is no path, as it is. `subject`: relative to the project, or absolute.
 */
export async function contentSubject(projectRoot: string, subject: string): Promise<string> {
  // A bare word may be a stage of the same name.
  if (!/[/\\.]/.test(subject)) return subject;
  const path = isAbsolute(subject) ? subject : join(projectRoot, subject);
  const inside = relative(projectRoot, path).split(sep);
  if (inside[0] === "artifacts") return inside.join("/");
  if (!existsSync(path)) return subject;
  return statSync(path).isDirectory() ? treeDigest(await digestTree(path)) : (await digestFile(path)).sha256;
}
