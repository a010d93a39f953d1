import { spawn } from "node:child_process";
import { once } from "node:events";
import {
  appendFileSync,
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { thisProcess } from "../../src/std/process-identity.ts";
import { checkStore } from "../../src/store/check.ts";
import { openStore } from "../../src/store/open-store.ts";
import type { ExecutionRecord, ObjectRecord } from "../../src/store/records.ts";
import type { LockHolder, Store } from "../../src/store/store.ts";

/** Whether a folder in memory is on another file system than temporary files are. */
const isElsewhere = existsSync("/dev/shm") && statSync("/dev/shm").dev !== statSync(tmpdir()).dev;

let root: string;
let store: Store;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), "store-"));
  store = openStore(root);
});
afterEach(async () => {
  await store.close();
  rmSync(root, { recursive: true, force: true });
});

async function adopt(files: Readonly<Record<string, string>>): Promise<ObjectRecord> {
  const directory = join(await store.makeWorkDirectory("test"), "out");
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(dirname(join(directory, path)), { recursive: true });
    writeFileSync(join(directory, path), text);
  }
  return store.adopt(directory);
}

const execution = (object: ObjectRecord, overrides: Partial<ExecutionRecord> = {}): ExecutionRecord => ({
  fingerprint: "f".repeat(64),
  fingerprintVersion: 1,
  stageId: "make",
  stageName: "make",
  params: {},
  runtimeParams: {},
  inputs: {},
  outputs: {
    out: { digest: object.digest, kind: "k", formatVersion: 1, sizeBytes: object.sizeBytes, summary: {} },
  },
  source: { digest: "s", files: {} },
  packages: {},
  environment: {},
  runId: "run",
  startedAt: "2026-01-01T00:00:00.000Z",
  durationMs: 1,
  resumedFrom: [],
  logFile: "",
  ...overrides,
});

async function committed(files: Readonly<Record<string, string>>): Promise<ObjectRecord> {
  const object = await adopt(files);
  store.commit(execution(object), [object]);
  return object;
}

/** As an editor does that insists: the file is read-only. */
function overwrite(path: string, write: (path: string) => void): void {
  chmodSync(path, 0o644);
  write(path);
}

test("an adopted artifact is read-only, named by its content, and gone from where it was written", async () => {
  const object = await committed({ "a.txt": "alpha", "sub/b.txt": "beta" });
  const path = store.objectPath(object.digest);
  expect(readFileSync(join(path, "sub/b.txt"), "utf8")).toBe("beta");
  expect(statSync(join(path, "a.txt")).mode & 0o222).toBe(0);
  expect(object.sizeBytes).toBe(9);
  const again = await adopt({ "sub/b.txt": "beta", "a.txt": "alpha" });
  expect(again.digest).toBe(object.digest);
  expect(await store.verify(object.digest)).toEqual({ intact: true });
});

test("nothing is known of an object until its execution is committed", async () => {
  const object = await adopt({ "a.txt": "alpha" });
  expect(store.object(object.digest)).toBeUndefined();
  expect((await store.verify(object.digest)).intact).toBe(false);
  expect(store.unindexedObjects()).toEqual([object.digest]);
  store.commit(execution(object), [object]);
  expect(store.execution("f".repeat(64))?.outputs["out"]?.digest).toBe(object.digest);
  expect(store.latest("make")?.fingerprint).toBe("f".repeat(64));
  expect(store.producers(object.digest)).toEqual(["f".repeat(64)]);
  expect(store.unindexedObjects()).toEqual([]);
});

test("what was committed is there after the store is opened again", async () => {
  const object = await committed({ "a.txt": "alpha" });
  await store.close();
  store = openStore(root);
  expect(store.latest("make")).toEqual(execution(object));
  expect(await store.verify(object.digest)).toEqual({ intact: true });
});

test.each([
  ["is gone", "missing-object", (path: string) => rmSync(path, { recursive: true })],
  ["lost a file", "missing-file", (path: string) => rmSync(join(path, "a.txt"))],
  [
    "was cut short",
    "wrong-size",
    (path: string) => overwrite(join(path, "a.txt"), (file) => truncateSync(file, 2)),
  ],
  [
    "grew",
    "wrong-size",
    (path: string) => overwrite(join(path, "a.txt"), (file) => appendFileSync(file, "x")),
  ],
  [
    "has another byte at the same size",
    "wrong-content",
    (path: string) => overwrite(join(path, "a.txt"), (file) => writeFileSync(file, "alphA")),
  ],
] as const)("an artifact that %s is no hit", async (_what, code, damage) => {
  const object = await committed({ "a.txt": "alpha" });
  damage(store.objectPath(object.digest));
  expect(await store.verify(object.digest)).toMatchObject({ intact: false, problem: { code } });
  const report = await checkStore(store, { deep: true });
  expect(report).toMatchObject({ ok: false, problems: [{ code, digest: object.digest, stages: ["make"] }] });
});

test("a file that was touched and is still right is believed, and its new stat can be kept", async () => {
  const object = await committed({ "a.txt": "alpha" });
  overwrite(join(store.objectPath(object.digest), "a.txt"), (file) => writeFileSync(file, "alpha"));
  const verdict = await store.verify(object.digest);
  expect(verdict.intact).toBe(true);
  if (!verdict.intact || verdict.fresh === undefined) throw new Error("expected a fresh record");
  store.remember(verdict.fresh);
  expect(await store.verify(object.digest)).toEqual({ intact: true });
});

test("a deep check finds bytes that changed behind an unchanged stat", async () => {
  const object = await committed({ "a.txt": "alpha" });
  const path = join(store.objectPath(object.digest), "a.txt");
  overwrite(path, (file) => writeFileSync(file, "alphA"));
  const { mtimeNs, ctimeNs, ino } = statSync(path, { bigint: true });
  const stat = `${mtimeNs}:${ctimeNs}:${ino}`;
  store.remember({ ...object, files: object.files.map((file) => ({ ...file, stat })) });
  expect((await checkStore(store)).ok).toBe(true);
  expect(await checkStore(store, { deep: true })).toMatchObject({
    ok: false,
    problems: [{ code: "wrong-content" }],
  });
});

test("adopting the right bytes again replaces a torn object", async () => {
  const object = await committed({ "a.txt": "alpha", "b.txt": "beta" });
  rmSync(join(store.objectPath(object.digest), "b.txt"));
  const again = await adopt({ "a.txt": "alpha", "b.txt": "beta" });
  store.commit(execution(again), [again]);
  expect(again.digest).toBe(object.digest);
  expect(await store.verify(object.digest)).toEqual({ intact: true });
});

test("an object that no execution names is reported and is no failure", async () => {
  const object = await adopt({ "a.txt": "alpha" });
  expect(await checkStore(store)).toMatchObject({
    ok: true,
    problems: [{ code: "unindexed-object", digest: object.digest }],
  });
});

test("a view is a copy: what is edited there does not reach the store, and it is replaced when the artifact changes", async () => {
  const object = await committed({ "a.txt": "alpha", "sub/b.txt": "beta" });
  const path = join(root, await store.refreshView("make", "out", object.digest));
  expect(path).toBe(join(root, "artifacts/make/out"));
  writeFileSync(join(path, "a.txt"), "scribble");
  expect(readFileSync(join(store.objectPath(object.digest), "a.txt"), "utf8")).toBe("alpha");
  await store.refreshView("make", "out", object.digest);
  expect(readFileSync(join(path, "a.txt"), "utf8")).toBe("scribble");
  const next = await adopt({ "a.txt": "gamma" });
  store.commit(execution(next, { fingerprint: "e".repeat(64) }), [next]);
  await store.refreshView("make", "out", next.digest);
  expect(readFileSync(join(path, "a.txt"), "utf8")).toBe("gamma");
  expect(existsSync(join(path, "sub"))).toBe(false);
});

test("a view that was deleted is made again", async () => {
  const object = await committed({ "a.txt": "alpha" });
  rmSync(join(root, await store.refreshView("make", "out", object.digest)), { recursive: true });
  const path = await store.refreshView("make", "out", object.digest);
  expect(readFileSync(join(root, path, "a.txt"), "utf8")).toBe("alpha");
});

test("a file too large to copy lightly is seen through the view all the same", async () => {
  const object = await committed({ "large.bin": "x".repeat(65 * 1024 * 1024) });
  const path = await store.refreshView("make", "out", object.digest);
  expect(statSync(join(root, path, "large.bin")).size).toBe(65 * 1024 * 1024);
});

const holder = (overrides: Partial<LockHolder> = {}): LockHolder => ({
  process: thisProcess(),
  runId: "run",
  stageId: "make",
  since: "2026-01-01T00:00:00.000Z",
  ...overrides,
});

test("a lock is held by one, and free after its holder lets go", () => {
  expect(store.tryLock("f", holder())).toEqual({ acquired: true });
  expect(store.tryLock("f", holder({ runId: "other" }))).toEqual({ acquired: false, holder: holder() });
  expect(store.tryLock("another", holder())).toEqual({ acquired: true });
  store.unlock("f", thisProcess());
  expect(store.lockHolder("f")).toBeUndefined();
  expect(store.tryLock("f", holder({ runId: "other" }))).toEqual({ acquired: true });
});

test("the lock of a process that died heals itself", async () => {
  const child = spawn(process.execPath, ["-e", "setInterval(() => {}, 1000)"]);
  await once(child, "spawn");
  if (child.pid === undefined) throw new Error("no child");
  const stat = readFileSync(`/proc/${child.pid}/stat`, "utf8");
  const startTime = stat.slice(stat.lastIndexOf(")") + 2).split(" ")[19] ?? "";
  const theirs = holder({ process: { ...thisProcess(), pid: child.pid, startTime } });
  expect(store.tryLock("f", theirs).acquired).toBe(true);
  expect(store.tryLock("f", holder())).toEqual({ acquired: false, holder: theirs });
  child.kill("SIGKILL");
  await once(child, "exit");
  expect(store.tryLock("f", holder())).toEqual({ acquired: true, healed: theirs });
});

test("a pid that was given out again does not keep a lock", () => {
  const former = holder({ process: { ...thisProcess(), startTime: "1" } });
  expect(store.tryLock("f", former).acquired).toBe(true);
  expect(store.tryLock("f", holder())).toEqual({ acquired: true, healed: former });
});

test("a lock from before the machine restarted does not hold; one of another machine does", () => {
  store.tryLock("f", holder({ process: { ...thisProcess(), bootId: "before" } }));
  expect(store.tryLock("f", holder()).acquired).toBe(true);
  const elsewhere = holder({ process: { ...thisProcess(), host: "elsewhere", startTime: "1" } });
  store.tryLock("g", elsewhere);
  expect(store.tryLock("g", holder())).toEqual({ acquired: false, holder: elsewhere });
});

test("letting go of a lock that another took over leaves it", () => {
  const theirs = holder({ process: { ...thisProcess(), host: "elsewhere", startTime: "1" } });
  store.tryLock("f", theirs);
  store.unlock("f", thisProcess());
  expect(store.lockHolder("f")).toEqual(theirs);
});

test("the work of the dead is swept, that of the living stays", async () => {
  const mine = await store.makeWorkDirectory("mine");
  const theirs = await store.makeWorkDirectory("theirs");
  writeFileSync(join(theirs, "owner.json"), JSON.stringify({ ...thisProcess(), startTime: "1" }));
  await store.sweepWork();
  expect([existsSync(mine), existsSync(theirs)]).toEqual([true, false]);
});

test.runIf(isElsewhere)(
  "a view on another file system is made there, and what a kill left of one goes",
  async () => {
    const shelf = mkdtempSync("/dev/shm/shelf-");
    try {
      mkdirSync(join(root, "artifacts"));
      symlinkSync(shelf, join(root, "artifacts/make"));
      const object = await adopt({ "a.txt": "content" });
      store.commit(execution(object), [object]);
      const left = join(shelf, ".out-0123abcd");
      mkdirSync(left);
      writeFileSync(join(left, "owner.json"), JSON.stringify({ ...thisProcess(), startTime: "1" }));
      await store.refreshView("make", "out", object.digest);
      expect(readFileSync(join(shelf, "out/a.txt"), "utf8")).toBe("content");
      await store.sweepWork();
      expect(readdirSync(shelf)).toEqual(["out"]);
    } finally {
      rmSync(shelf, { recursive: true, force: true });
    }
  },
);

test("a file that is no index is moved aside and told, not a crash", async () => {
  await store.close();
  mkdirSync(join(root, "broken"));
  writeFileSync(join(root, "broken/index.mdb"), "this is no database".repeat(1000));
  store = openStore(root, join(root, "broken"));
  expect(store.takeNotices().map(({ code }) => code)).toEqual(["INDEX_LOST"]);
  expect(store.executions()).toEqual([]);
  expect(existsSync(join(root, "broken/index.mdb.damaged-1"))).toBe(true);
});
