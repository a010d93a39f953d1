/** Which packages code imports or names, and their installed versions. Node's own modules are not packages. */
import { existsSync, readFileSync } from "node:fs";
import { isBuiltin } from "node:module";
import { dirname, join, resolve } from "node:path";
import type { Metafile } from "esbuild";
import { userError } from "../errors.ts";
import { byCodeUnit } from "./canonical.ts";

export function packagesOf(
  metafile: Metafile,
  output: Metafile["outputs"][string],
  projectRoot: string,
): PackageVersions {
  const kept = new Set(output.imports.filter(({ external }) => external === true).map(({ path }) => path));
  const versions: PackageVersions = new Map();
  for (const input of Object.keys(output.inputs))
    for (const { path, external } of metafile.inputs[input]?.imports ?? []) {
      if (external !== true || !kept.has(path) || !isPackage(path)) continue;
      addPackage(versions, packageName(path), resolve(projectRoot, input));
    }
  return versions;
}

/** Package → version. */
export type PackageVersions = Map<string, string>;

/** Where code names a package. */
export interface NamedAt {
  /** File and line. */
  readonly where: string;
  /** It may be missing, and then has the version `absent`. */
  readonly optional: boolean;
}

/** Answers the package's package.json; undefined where it is missing and may be. Throws `PACKAGE_NOT_FOUND`. */
export function addPackage(
  versions: PackageVersions,
  name: string,
  importer: string,
  { where, optional }: NamedAt = { where: importer, optional: false },
): string | undefined {
  const packageJson = findPackageJson(name, importer);
  if (packageJson === undefined && !optional) throw packageNotFound(name, where);
  addVersion(versions, name, packageJson === undefined ? "absent" : readVersion(packageJson));
  return packageJson;
}

/** Two versions of one package in one closure (nested node_modules) both count. */
export function addVersion(versions: PackageVersions, name: string, version: string): void {
  const earlier = versions.get(name);
  versions.set(name, earlier === undefined || earlier === version ? version : joinVersions(earlier, version));
}

export const sortedPackages = (versions: PackageVersions): Record<string, string> =>
  Object.fromEntries([...versions].sort(([a], [b]) => byCodeUnit(a, b)));

const joinVersions = (a: string, b: string): string =>
  [...new Set([...a.split(" + "), b])].sort(byCodeUnit).join(" + ");

/** Node's modules are none, nor are esbuild's own helpers, e.g. for `using`, which the bundle holds. */
export const isPackage = (specifier: string): boolean => !isBuiltin(specifier) && specifier !== "<runtime>";

/** `@scope/name/deep/file.js` → `@scope/name`. */
export function packageName(specifier: string): string {
  return specifier
    .split("/")
    .slice(0, specifier.startsWith("@") ? 2 : 1)
    .join("/");
}

/** Throws `PACKAGE_NOT_FOUND`. */
export function packageJsonOf(name: string, importer: string): string {
  const found = findPackageJson(name, importer);
  if (found === undefined) throw packageNotFound(name, importer);
  return found;
}

/** Walks up as Node does. */
function findPackageJson(name: string, importer: string): string | undefined {
  for (let directory = dirname(importer); ; directory = dirname(directory)) {
    const candidate = join(directory, "node_modules", name, "package.json");
    if (existsSync(candidate)) return candidate;
    if (dirname(directory) === directory) return undefined;
  }
}

const packageNotFound = (name: string, importer: string) =>
  userError(
    "PACKAGE_NOT_FOUND",
    `${importer} imports ${name}, which is not installed`,
    `npm install ${name}`,
  );

const readVersion = (packageJson: string): string => {
  const { version } = JSON.parse(readFileSync(packageJson, "utf8")) as { version?: unknown };
  return typeof version === "string" ? version : "unversioned";
};
