/**
 * Notes which files a stage reads through `node:fs` although it did not declare them: what a fingerprint does not know of
 * can change a result without a rerun. It wraps the functions that open, read, copy and list; it cannot see native code,
 * child processes and worker threads, nor reads through a binding of Node's own such as `require` of JSON in a package.
 */
import fs from "node:fs";
import { syncBuiltinESMExports } from "node:module";
import { homedir, tmpdir } from "node:os";
import { isAbsolute, join, relative, resolve, sep } from "node:path";
import { fileURLToPath } from "node:url";

/** More are counted, not named. */
const NAMED = 20;
/** Where it stops to remember: nobody reads further. */
const REMEMBERED = 1000;

export interface WatchOptions {
  /** Absolute; the system's own folders count as declared outside of it only. */
  readonly projectRoot: string;
  /** Absolute files and folders that the stage may read. */
  readonly declared: readonly string[];
}

export interface UndeclaredReads {
  /** In the order in which they were read; relative where they lie in the project. */
  readonly paths: readonly string[];
  /** How many more there were. */
  readonly more: number;
}

export interface ReadWatch {
  /** Adds to what the stage may read; what it has read of it already is forgiven. */
  declare(paths: readonly string[]): void;
  /** What exists among the undeclared paths that were read; undefined where there are none. */
  undeclared(): UndeclaredReads | undefined;
}

/** From here on every read of this process is seen. Call it before the stage is imported, and once. */
export function watchReads({ projectRoot, declared }: WatchOptions): ReadWatch {
  // Taken before they are wrapped: what this module asks itself is no read of the stage.
  const { lstatSync, realpathSync } = fs;
  const mayRead = [...declared];
  const system = systemFolders();
  const noted = new Set<string>();

  const isDeclared = (path: string): boolean => {
    if (mayRead.some((each) => isWithin(path, each))) return true;
    const inProject = isWithin(path, projectRoot);
    const below = inProject ? path.slice(projectRoot.length) : path;
    if (below.includes(`${sep}node_modules${sep}`)) return true;
    return !inProject && system.some((each) => isWithin(path, each));
  };
  const note = (target: unknown): void => {
    const path = pathOf(target);
    if (path === undefined || noted.size >= REMEMBERED || noted.has(path) || isDeclared(path)) return;
    noted.add(path);
  };
  wrapReads(note);

  return {
    declare: (paths) => void mayRead.push(...paths),
    undeclared: () => {
      const found = [...noted].filter((path) => {
        if (isDeclared(path) || lstatSync(path, { throwIfNoEntry: false }) === undefined) return false;
        try {
          // What is declared may have been read through a link, such as /var of macOS.
          return !isDeclared(realpathSync(path));
        } catch {
          return false; // a link that leads nowhere: nothing was read
        }
      });
      if (found.length === 0) return undefined;
      const paths = found.slice(0, NAMED).map((path) => {
        return isWithin(path, projectRoot) ? relative(projectRoot, path) || "." : path;
      });
      return { paths, more: found.length - paths.length };
    },
  };
}

type Note = (target: unknown) => void;

/** Functions whose first argument is what they read. */
const READERS = ["readFile", "readdir", "opendir", "copyFile", "cp"] as const;

function wrapReads(note: Note): void {
  for (const name of READERS) {
    wrap(fs, name, note);
    wrap(fs, `${name}Sync`, note);
    wrap(fs.promises, name, note);
  }
  wrap(fs, "createReadStream", note);
  for (const [object, name] of [
    [fs, "open"],
    [fs, "openSync"],
    [fs.promises, "open"],
  ] as const)
    wrap(object, name, (target, flags) => {
      if (isReading(flags)) note(target);
    });
  syncBuiltinESMExports();
}

/** Replaces a method by one that notes its arguments and then does the same. */
function wrap(object: object, name: string, before: (target: unknown, second: unknown) => void): void {
  const original: unknown = Reflect.get(object, name);
  if (typeof original !== "function") return;
  const wrapped = function (this: unknown, ...args: unknown[]): unknown {
    before(args[0], args[1]);
    return Reflect.apply(original, this, args);
  };
  // Its name, and what hangs on it, such as the promise form that `util.promisify` looks for.
  Object.defineProperties(wrapped, Object.getOwnPropertyDescriptors(original));
  Reflect.set(object, name, wrapped);
}

function isReading(flags: unknown): boolean {
  if (typeof flags === "number") return (flags & (fs.constants.O_WRONLY | fs.constants.O_TRUNC)) === 0;
  // Left out, or a callback in its place: reading is the default. `w+` reads what it wrote itself.
  return typeof flags !== "string" || flags.includes("r") || flags.startsWith("a+");
}

function pathOf(target: unknown): string | undefined {
  if (typeof target === "string")
    return isAbsolute(target) && !target.includes("..") ? target : resolve(target);
  if (target instanceof URL) return target.protocol === "file:" ? fileURLToPath(target) : undefined;
  if (Buffer.isBuffer(target)) return resolve(target.toString());
  return undefined; // a descriptor or a handle: its opening was seen
}

const isWithin = (path: string, folder: string): boolean =>
  path.startsWith(folder) &&
  (path.length === folder.length || path[folder.length] === sep || folder.endsWith(sep));

/** The machine, not the recipe: what of it decides a result is for a stage's `environment` to say. */
function systemFolders(): string[] {
  const { XDG_CACHE_HOME, LOCALAPPDATA, SystemRoot, ProgramFiles } = process.env;
  const named = [XDG_CACHE_HOME, LOCALAPPDATA, SystemRoot, ProgramFiles].filter((each) => each !== undefined);
  const unix = ["proc", "sys", "dev", "etc", "usr", "bin", "lib", "lib64", "opt", "System", "Library"];
  return [
    ...named.filter((each) => each !== ""),
    ...unix.map((name) => `/${name}`),
    // Engines and models of other tools are kept here, by digest or version.
    join(homedir(), ".cache"),
    join(homedir(), "Library/Caches"),
    tmpdir(),
  ];
}
