/**
 * Loads the compiled program: one script, compiled by V8 from its code cache, that loads packages and Node's own
 * modules when they are first used. Planning touches few of the packages that stages import, so it waits for few.
 */
import { closeSync, existsSync, fsyncSync, openSync, readFileSync, renameSync, writeSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { types } from "node:util";
import { setFlagsFromString } from "node:v8";
import { constants, Script } from "node:vm";

/** Each loads a part of the program and answers its exports. */
export interface ProgramParts {
  readonly pipeline: () => Promise<{ readonly default?: unknown }>;
  /** src/cli/main.ts. */
  readonly main: () => Promise<object>;
  /** src/runner/session.ts. */
  readonly session: () => Promise<object>;
  /** The author's file, relative to the project → its exports. */
  readonly stages: Readonly<Record<string, () => Promise<object>>>;
}

export interface LoadedProgram extends ProgramParts {
  /** Call when the work is done: what was used by then starts quickly the next time. */
  readonly saveCodeCache: () => void;
}

/** The parameters of the function that the script is; bundle.ts writes the head, and the script in ASCII. */
export const SCRIPT_HEAD = "(function (exports, module, require, __lazily, __filename, __dirname) {";
export const SCRIPT_TAIL = "\n})";

type ScriptFunction = (
  exports: object,
  module: { exports: object },
  require: (id: string) => unknown,
  lazily: (id: string) => object,
  filename: string,
  directory: string,
) => void;

/** `purpose`: what it is loaded for; each purpose has a code cache of its own, of what it uses. Throws where there is no file. */
export function loadProgram(file: string, purpose: string): LoadedProgram {
  // V8 forgets the code of functions that have not run for a while. A code cache that is made at the end of a long run
  // would lack what every start runs first, and each later start would compile it again.
  setFlagsFromString("--no-flush-bytecode");
  const cacheFile = join(dirname(file), `${purpose}.codecache`);
  const cachedData = readOptional(cacheFile);
  const script = new Script(readFileSync(file, "latin1"), {
    filename: file,
    ...(cachedData ? { cachedData } : {}),
    importModuleDynamically: constants.USE_MAIN_CONTEXT_DEFAULT_LOADER,
  });
  const nodeRequire = createRequire(file);
  const require = (id: string): unknown => nodeRequire(id.startsWith("file:") ? fileURLToPath(id) : id);
  const module: { exports: object } = { exports: {} };
  const run = script.runInThisContext() as ScriptFunction;
  let saved = cachedData !== undefined && script.cachedDataRejected !== true;
  run(module.exports, module, require, (id) => lazyModule(() => require(id)), file, dirname(file));
  return {
    ...(module.exports as ProgramParts),
    saveCodeCache: () => {
      if (!saved) writeCodeCache(cacheFile, script.createCachedData());
      saved = true;
    },
  };
}

const readOptional = (path: string): Buffer | undefined =>
  existsSync(path) ? readFileSync(path) : undefined;

/** Synced before it has its name: V8 believes what it reads. */
function writeCodeCache(path: string, data: Uint8Array): void {
  const temporary = `${path}.${process.pid}`;
  const file = openSync(temporary, "w");
  try {
    writeSync(file, data);
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
  renameSync(temporary, path);
}

/** A module's namespace that loads it at the first look. Nobody sees a difference but in time. */
function lazyModule(load: () => unknown): object {
  let loaded: object | undefined;
  const namespace = (): object => (loaded ??= namespaceOf(load()));
  return new Proxy(
    {},
    {
      get: (_target, name): unknown => Reflect.get(namespace(), name),
      has: (_target, name) => Reflect.has(namespace(), name),
      // Node marks what `require` gives of an ES module; `import` shows no such mark.
      ownKeys: () => Reflect.ownKeys(namespace()).filter((name) => name !== "__esModule"),
      getOwnPropertyDescriptor: (_target, name) => {
        const descriptor = Reflect.getOwnPropertyDescriptor(namespace(), name);
        // A proxy may not tell of a fixed property that its own (empty) target lacks.
        return descriptor && { ...descriptor, configurable: true };
      },
    },
  );
}

/** As `import` gives it: a CommonJS module is its own default export, its properties the named ones. */
function namespaceOf(loaded: unknown): object {
  if (types.isModuleNamespaceObject(loaded)) return loaded as object;
  const properties = isObject(loaded) ? Object.getOwnPropertyDescriptors(loaded) : {};
  const namespace: object = {};
  return Object.defineProperties(namespace, { ...properties, default: { value: loaded, enumerable: true } });
}

const isObject = (value: unknown): value is object =>
  (typeof value === "object" && value !== null) || typeof value === "function";
