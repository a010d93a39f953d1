/** Packages and files that code names without importing it (find-references.ts), from the bundle of an entry. */
import { existsSync, statSync } from "node:fs";
import { isBuiltin, SourceMap, type SourceMapPayload } from "node:module";
import { dirname, isAbsolute, relative, resolve } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { userError } from "../errors.ts";
import { findReferences, type Reference } from "./find-references.ts";
import { addPackage, packageName, type PackageVersions } from "./packages.ts";
import type { SourceSnapshot } from "./source-snapshot.ts";

/** Something that the digest of a stage's code cannot see. */
export interface SourceWarning {
  readonly code: "SOURCE_NOT_FOLLOWED";
  /** Begins with file and line. */
  readonly message: string;
}

export interface FollowOptions {
  readonly projectRoot: string;
  readonly snapshot: SourceSnapshot;
  readonly packages: PackageVersions;
  readonly onWarning: (warning: SourceWarning) => void;
}

/** A bundle and its source map, as esbuild writes them. */
export interface MappedCode {
  /** Absolute; the map's sources are relative to its folder. */
  readonly path: string;
  readonly text: string;
  readonly map: string;
}

/**
 * Answers the named files, by path relative to the project → sha256, and adds the named packages. Throws
 * `PACKAGE_NOT_FOUND` and `SOURCE_REFERENCE_MISSING`.
 */
export function followReferences(code: MappedCode, options: FollowOptions): Map<string, string> {
  const references = findReferences(code.text);
  const files = new Map<string, string>();
  if (references.length === 0) return files;
  const map = new SourceMap(JSON.parse(code.map) as SourceMapPayload);
  for (const reference of references) {
    const entry = map.findEntry(reference.line - 1, reference.column);
    // What esbuild adds of its own has no source.
    if (!("originalSource" in entry)) continue;
    const importer = resolve(dirname(code.path), entry.originalSource);
    const where = `${relative(options.projectRoot, importer)}:${entry.originalLine + 1}`;
    const file = follow(reference, importer, where, options);
    if (file !== undefined) files.set(...file);
  }
  return files;
}

function follow(
  { how, specifier, form, guarded }: Reference,
  importer: string,
  where: string,
  { projectRoot, snapshot, packages, onWarning }: FollowOptions,
): [path: string, sha256: string] | undefined {
  const warn = (what: string): void => {
    onWarning({
      code: "SOURCE_NOT_FOLLOWED",
      message: `${where}: ${what}; a change of it makes no stage run again`,
    });
  };
  if (specifier === undefined) {
    warn(`what ${form} names is computed, and cannot be followed`);
    return undefined;
  }
  if (isBuiltin(specifier)) return undefined;
  if (how !== "url" && !/^(\.{0,2}\/|\.{1,2}$|[a-z]+:)/.test(specifier)) {
    if (specifier.startsWith("#")) {
      warn(`${form} names ${specifier}, which cannot be followed`);
      return undefined;
    }
    const packageJson = addPackage(packages, packageName(specifier), importer, { where, optional: guarded });
    if (packageJson !== undefined) snapshot.read(packageJson);
    return undefined;
  }
  const path = pathOf(specifier, importer, how === "require");
  if (path === undefined) return undefined;
  const named = relative(projectRoot, path).split("\\").join("/");
  if (named.startsWith("..") || isAbsolute(named)) {
    warn(`${form} names ${specifier}, which lies outside the project`);
    return undefined;
  }
  const stat = statSync(path, { throwIfNoEntry: false });
  if (stat === undefined)
    throw userError(
      "SOURCE_REFERENCE_MISSING",
      `${where}: ${form} names ${specifier}, and ${named} does not exist`,
      "what a stage's code names is part of its digest: create it, or let the stage name data by its files()",
    );
  if (!stat.isFile()) {
    warn(`${form} names the folder ${named}, whose files are not looked at`);
    return undefined;
  }
  return [named, snapshot.digest(path)];
}

/** Undefined where it names no file, e.g. an address. */
function pathOf(specifier: string, importer: string, tryExtensions: boolean): string | undefined {
  const url = new URL(specifier, pathToFileURL(importer));
  if (url.protocol !== "file:") return undefined;
  const path = fileURLToPath(url);
  if (!tryExtensions || existsSync(path)) return path;
  // As `require` does.
  return [".js", ".json", ".node"].map((extension) => path + extension).find(existsSync) ?? path;
}
