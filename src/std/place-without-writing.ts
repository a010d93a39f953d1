/** Tells an error of the system that came of writing where this process may not write. */
import { accessSync, constants, existsSync } from "node:fs";
import { dirname } from "node:path";
import { errorCode } from "./error-code.ts";

export interface PlaceWithoutWriting {
  /** The file or folder that is there and cannot be written to. */
  readonly path: string;
  readonly reason: "the file system is read-only" | "permission denied";
}

/**
 * Undefined for every other error, and where a file is there that could not be read: that is another matter. ENOENT is among
 * the codes because Node answers it where it makes folders, parents included, on a file system that is read-only.
 */
export function placeWithoutWriting(error: unknown): PlaceWithoutWriting | undefined {
  if (!/^(?:EACCES|EPERM|EROFS|ENOENT)$/.test(errorCode(error) ?? "")) return undefined;
  if (!(error instanceof Error) || !("path" in error) || typeof error.path !== "string") return undefined;
  const code = errorCode(error);
  const isFolder = "syscall" in error && error.syscall === "mkdir";
  if (code === "ENOENT" && !isFolder) return undefined;
  if (existsSync(error.path) && accessProblem(error.path, constants.R_OK) !== undefined) return undefined;
  // What is removed or renamed changes its folder; what is opened may be at fault itself.
  for (const path of [nearest(error.path), nearest(dirname(error.path))]) {
    const problem = accessProblem(path, constants.W_OK);
    if (problem === "EROFS") return { path, reason: "the file system is read-only" };
    if (problem === "EACCES" || problem === "EPERM") return { path, reason: "permission denied" };
  }
  return undefined;
}

/** What is there of a path. */
function nearest(path: string): string {
  const parent = dirname(path);
  return existsSync(path) || parent === path ? path : nearest(parent);
}

function accessProblem(path: string, mode: number): string | undefined {
  try {
    accessSync(path, mode);
    return undefined;
  } catch (error) {
    return errorCode(error);
  }
}
