/** Undoes `installEngine` for this user and this checkout. */
import { rm } from "node:fs/promises";
import { findBindingPackage, unlinkBuild, type BindingPackage } from "./binding-package.ts";
import { engineCacheFolder } from "./engine-build.ts";

/** Removes the link and every built engine in the cache folder. Removing nothing is fine. */
export async function removeEngine(given?: BindingPackage): Promise<void> {
  const bindingPackage = given ?? (await findBindingPackage());
  if (bindingPackage !== undefined) await unlinkBuild(bindingPackage);
  await rm(engineCacheFolder(), { recursive: true, force: true });
}
