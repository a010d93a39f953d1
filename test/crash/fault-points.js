/**
 * Preloaded (`--import`) into a real runner and its stages: every call that changes the project's cache/ or
 * artifacts/ is a numbered point. FAULT_LOG lists them; FAULT_AT kills the process with SIGKILL at one of them, or
 * leaves no byte free on the disk of the file FAULT_FILL from there on.
 * Nothing here is part of the program, which runs as it is shipped.
 */
/* eslint-disable @typescript-eslint/no-unsafe-assignment, @typescript-eslint/no-unsafe-call,
   @typescript-eslint/no-unsafe-member-access, @typescript-eslint/no-unsafe-return,
   @typescript-eslint/no-unsafe-argument --
   it stands between callers and functions of any shape, and passes everything on */
import { Buffer } from "node:buffer";
import fs from "node:fs";
import promises from "node:fs/promises";
import Module, { syncBuiltinESMExports } from "node:module";
import { isMainThread } from "node:worker_threads";

const {
  FAULT_ROOT = "",
  FAULT_ROLE,
  FAULT_HOW,
  FAULT_AT,
  FAULT_LOG,
  FAULT_BOTH,
  FAULT_SAY,
  FAULT_FILL,
} = process.env;
const role = process.argv[1]?.endsWith("stage-process.mjs") === true ? "stage" : "runner";
/** Who started this process: after its end the parent is another, which is none of ours to kill. */
const starter = process.ppid;
const at = role === FAULT_ROLE ? Number(FAULT_AT) : NaN;
const watched = ["cache", "artifacts"].map((name) => `${FAULT_ROOT}/${name}`);
const original = { ...fs };
/** @type {Map<number, string>} */
const openFiles = new Map();
let count = 0;

/** @param {string} label */
function die(label) {
  if (FAULT_SAY !== undefined) original.appendFileSync(FAULT_SAY, `${label}\n`);
  if (FAULT_BOTH !== undefined && role === "stage" && process.ppid === starter)
    process.kill(starter, "SIGKILL");
  process.kill(process.pid, "SIGKILL");
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0);
}

/** Until not one more byte fits. */
function fillDisk() {
  const file = original.openSync(FAULT_FILL ?? "", "w");
  for (let bytes = 1 << 20; bytes >= 1; bytes >>= 1)
    try {
      for (;;) original.writeSync(file, Buffer.alloc(bytes));
    } catch (error) {
      if (/** @type {NodeJS.ErrnoException} */ (error).code !== "ENOSPC") throw error;
    }
  original.closeSync(file);
}

/**
 * Counts a call; kills at the chosen one. Answers what to do when the call is over.
 * @param {string} label
 * @param {(() => void) | undefined} half does a part of the call, as a kill in its middle leaves it
 * @returns {(renamed?: string) => void}
 */
function enter(label, half) {
  const mine = ++count;
  if (mine === at && FAULT_HOW === "full") {
    if (FAULT_SAY !== undefined) original.appendFileSync(FAULT_SAY, `${label}\n`);
    fillDisk();
    return () => undefined;
  }
  if (mine === at && FAULT_HOW === "before") die(label);
  if (mine === at && FAULT_HOW === "torn") {
    half?.();
    die(label);
  }
  return (renamed = label) => {
    if (FAULT_LOG !== undefined) original.appendFileSync(FAULT_LOG, `${role}\t${mine}\t${renamed}\n`);
    if (mine === at) die(renamed);
  };
}

/** @param {unknown} path */
const isWatched = (path) =>
  typeof path === "string" && watched.some((root) => path === root || path.startsWith(`${root}/`));

/** @param {unknown} path */
const short = (path) => String(path).slice(FAULT_ROOT.length + 1);

/** @typedef {(...args: any[]) => any} Anything */

/**
 * What a kill in the middle of a call leaves behind.
 * @type {Readonly<Record<string, (...args: any[]) => void>>}
 */
const halves = {
  writeFile: (path, data) => original.writeFileSync(path, Buffer.from(data).subarray(0, data.length / 2)),
  // Where the call would have written: fs.write(file, text, position) or fs.write(file, bytes, offset, length, position).
  write: (file, data, ...where) => {
    const [offset = 0, length = Infinity, position] =
      typeof data === "string" ? [0, Infinity, where[0]] : where;
    const bytes = Buffer.from(data).subarray(Number(offset), Number(offset) + Number(length));
    original.writeSync(file, bytes.subarray(0, bytes.length / 2), 0, undefined, position);
  },
  copyFile: (from, to) => {
    const data = original.readFileSync(from);
    original.writeFileSync(to, data.subarray(0, data.length / 2));
  },
  rm: (path) => {
    const [first] = original.existsSync(path) ? original.readdirSync(path) : [];
    if (first !== undefined) original.rmSync(`${path}/${first}`, { recursive: true, force: true });
  },
};

/**
 * @param {string} name
 * @param {any[]} args
 * @returns {string | undefined} the label of a call that is a point
 */
function labelOf(name, args) {
  const [first, second] = args;
  if (name === "open" && (second === undefined || second === "r")) return undefined;
  if (typeof first === "number") {
    const path = openFiles.get(first);
    return isWatched(path) ? `${name} ${short(path)}` : undefined;
  }
  const path = isWatched(second) ? second : first;
  return isWatched(path) ? `${name} ${short(path)}` : undefined;
}

const NAMES = [
  "rename",
  "mkdir",
  "rm",
  "open",
  "chmod",
  "copyFile",
  "symlink",
  "writeFile",
  "write",
  "fsync",
];
const MORE = ["unlink", "link", "fdatasync", "ftruncate", "truncate", "cp", "appendFile", "utimes"];

/** @param {Anything} call @param {string} name @returns {Anything} */
const wrapSync =
  (call, name) =>
  (...args) => {
    const label = labelOf(name, args);
    const half = halves[name];
    const leave = label === undefined ? undefined : enter(label, half && (() => half(...args)));
    const result = call(...args);
    if (name === "open") openFiles.set(result, String(args[0]));
    leave?.();
    return result;
  };

/** @param {Anything} call @param {string} name @returns {Anything} */
const wrapAsync =
  (call, name) =>
  async (...args) => {
    const label = labelOf(name, args);
    const half = halves[name];
    const leave = label === undefined ? undefined : enter(label, half && (() => half(...args)));
    const result = await call(...args);
    if (name === "open") watchHandle(result, String(args[0]));
    leave?.();
    return result;
  };

/** @param {import("node:fs/promises").FileHandle} handle @param {string} path */
function watchHandle(handle, path) {
  if (!isWatched(path)) return;
  const sync = handle.sync.bind(handle);
  handle.sync = async () => {
    const leave = enter(`sync ${short(path)}`, undefined);
    await sync();
    leave();
  };
}

/** @param {any} database */
function watchTransactions(database) {
  const { transactionSync, putSync, removeSync } = database;
  let table = "";
  /** @param {Anything} call @returns {Anything} */
  const noting =
    (call) =>
    (...args) => {
      table = args[0][0] === "execution" || table === "" ? args[0][0] : table;
      return call.apply(database, args);
    };
  database.putSync = noting(putSync);
  database.removeSync = noting(removeSync);
  /** @param {Anything} work */
  database.transactionSync = (work) => {
    table = "";
    const leave = enter("transaction", undefined);
    const mine = count;
    const result = transactionSync.call(database, () => {
      const inside = work();
      // Everything is put, nothing is committed.
      if (mine === at && FAULT_HOW === "inside") die(`transaction ${table}`);
      return inside;
    });
    leave(`transaction ${table}`);
    return result;
  };
  return database;
}

if (isMainThread && FAULT_ROOT !== "") {
  const [sync, async] = [/** @type {any} */ (fs), /** @type {any} */ (promises)];
  for (const name of [...NAMES, ...MORE]) {
    if (sync[`${name}Sync`] !== undefined) sync[`${name}Sync`] = wrapSync(sync[`${name}Sync`], name);
    if (async[name] !== undefined) async[name] = wrapAsync(async[name], name);
  }
  syncBuiltinESMExports();
  const loader = /** @type {any} */ (Module);
  const load = loader._load;
  /** @type {any} */
  let lmdb;
  loader._load = (/** @type {string} */ request, /** @type {any[]} */ ...rest) => {
    const loaded = load(request, ...rest);
    if (request !== "lmdb") return loaded;
    lmdb ??= { ...loaded, open: (/** @type {any[]} */ ...args) => watchTransactions(loaded.open(...args)) };
    return lmdb;
  };
}
