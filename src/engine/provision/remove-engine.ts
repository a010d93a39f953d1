/** Undoes `installEngine` for this user and this checkout. */
import { rm } from "node:fs/promises";
import { join } from "node:path";
import { namesIn } from "../../std/names-in.ts";
import { findBindingPackage, readLink, unlinkBuild, type BindingPackage } from "./binding-package.ts";
import { engineCacheFolder } from "./engine-build.ts";
import { findBuilds, type BuildKind } from "./installed-builds.ts";

export interface RemoveOptions {
  readonly bindingPackage?: BindingPackage | undefined;
  /** Only builds with CUDA, or without; default: everything in the cache folder, ruins and downloads included. */
  readonly kind?: BuildKind | undefined;
}

/** Removes builds and the link to them. Answers their paths; removing nothing is fine. */
export async function removeEngine(options: RemoveOptions = {}): Promise<readonly string[]> {
  const bindingPackage = options.bindingPackage ?? findBindingPackage();
  const { kind } = options;
  if (kind === undefined) {
    if (bindingPackage !== undefined) await unlinkBuild(bindingPackage);
    const folder = engineCacheFolder();
    const builds = await namesIn(folder);
    await rm(folder, { recursive: true, force: true });
    return builds.sort().map((name) => join(folder, name));
  }
  if (bindingPackage === undefined) return [];
  const link = readLink(bindingPackage);
  const builds = findBuilds(bindingPackage, kind);
  for (const { folder } of builds) {
    if (link.kind === "link" && link.buildFolder === folder) await unlinkBuild(bindingPackage);
    await rm(folder, { recursive: true, force: true });
  }
  return builds.map(({ folder }) => folder);
}
