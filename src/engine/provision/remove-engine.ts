/** Undoes `installEngine` for this user and this checkout. */
import { rm } from "node:fs/promises";
import { join } from "node:path";
import { namesIn } from "../../std/names-in.ts";
import { findBindingPackage, unlinkBuild, type BindingPackage } from "./binding-package.ts";
import { engineCacheFolder } from "./engine-build.ts";

/** Removes the link and every built engine in the cache folder. Answers the paths of those; removing nothing is fine. */
export async function removeEngine(given?: BindingPackage): Promise<readonly string[]> {
  const bindingPackage = given ?? (await findBindingPackage());
  if (bindingPackage !== undefined) await unlinkBuild(bindingPackage);
  const folder = engineCacheFolder();
  const builds = await namesIn(folder);
  await rm(folder, { recursive: true, force: true });
  return builds.sort().map((name) => join(folder, name));
}
