/**
 * The installed npm package @tensorflow/tfjs-node-gpu and the link in it that its own loader follows to a
 * built engine. The package's other files are never changed.
 */
import { lstatSync, readFileSync, readlinkSync } from "node:fs";
import { mkdir, rename, rm, symlink } from "node:fs/promises";
import { createRequire } from "node:module";
import { dirname, join, resolve } from "node:path";
import { namesInNow } from "../../std/names-in.ts";
import { BINDING_FILE, LIBRARY_FOLDER, type EngineBuild } from "./engine-build.ts";

export const BINDING_PACKAGE = "@tensorflow/tfjs-node-gpu";

export interface BindingPackage {
  readonly folder: string;
  readonly version: string;
}

/** The package as Node resolves it from here, or undefined where it is not installed. */
export function findBindingPackage(): BindingPackage | undefined {
  let manifest: string;
  try {
    manifest = createRequire(import.meta.url).resolve(`${BINDING_PACKAGE}/package.json`);
  } catch {
    // MODULE_NOT_FOUND is the only thing resolve() throws, and here it is an answer.
    return undefined;
  }
  const { version } = JSON.parse(readFileSync(manifest, "utf8")) as { version: string };
  return { folder: dirname(manifest), version };
}

/** What stands where the package's loader looks. */
export type LinkState =
  | { readonly kind: "nothing" }
  /** A link to a build folder, which may be gone. */
  | { readonly kind: "link"; readonly buildFolder: string }
  /** A binding of the package's own, put there by its install script. */
  | { readonly kind: "own"; readonly tensorflowVersion: string };

export function readLink(bindingPackage: BindingPackage): LinkState {
  const binding = join(bindingPackage.folder, BINDING_FILE);
  const found = lstatSync(binding, { throwIfNoEntry: false });
  if (found === undefined) return { kind: "nothing" };
  if (!found.isSymbolicLink()) return { kind: "own", tensorflowVersion: ownVersion(bindingPackage) };
  const target = resolve(dirname(binding), readlinkSync(binding));
  return { kind: "link", buildFolder: target.slice(0, -BINDING_FILE.length - 1) };
}

/** The install script leaves the version in a file name only: libtensorflow.so.2.9.1, libtensorflow.2.9.1.dylib. */
function ownVersion({ folder }: BindingPackage): string {
  const names = namesInNow(join(folder, LIBRARY_FOLDER));
  const versions = names.map((name) => /^libtensorflow\D*\.(\d+\.\d+\.\d+)/.exec(name)?.[1]);
  return versions.find((version) => version !== undefined) ?? "unknown";
}

/** Makes the package's loader find `build`. Safe beside another process that does the same. */
export async function linkBuild(bindingPackage: BindingPackage, build: EngineBuild): Promise<void> {
  const binding = join(bindingPackage.folder, BINDING_FILE);
  const fresh = `${binding}.${process.pid}`;
  await mkdir(dirname(binding), { recursive: true });
  await rm(fresh, { force: true });
  await symlink(join(build.folder, BINDING_FILE), fresh);
  await rename(fresh, binding);
}

/** Removes our link; a binding of the package's own stays. */
export async function unlinkBuild(bindingPackage: BindingPackage): Promise<void> {
  const { kind } = readLink(bindingPackage);
  if (kind === "link") await rm(join(bindingPackage.folder, BINDING_FILE), { force: true });
}
