import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { execPath } from "node:process";
import { afterEach, beforeEach, expect, test } from "vitest";
import { thisProcess } from "../../src/std/process-identity.ts";
import { checkStore } from "../../src/store/check.ts";
import { claimKey } from "../../src/store/claims.ts";
import { IndexDatabase } from "../../src/store/index-database.ts";
import { openStore } from "../../src/store/open-store.ts";
import type { ExecutionRecord, ObjectRecord } from "../../src/store/records.ts";
import type { Store } from "../../src/store/store.ts";
import { execution as sketch } from "../runner/maintenance/records.ts";

let root: string;
let store: Store;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), "keeping-"));
  store = openStore(root);
});
afterEach(async () => {
  await store.close();
  rmSync(root, { recursive: true, force: true });
});

const AT = "2026-01-02T00:00:00.000Z";

async function adopt(text: string): Promise<ObjectRecord> {
  const directory = join(await store.makeWorkDirectory("test"), "out");
  mkdirSync(directory);
  writeFileSync(join(directory, "a.txt"), text);
  return store.adopt(directory);
}

const execution = (fingerprint: string, object: ObjectRecord): ExecutionRecord =>
  sketch({ id: fingerprint, outputs: [object.digest] });

async function committed(fingerprint: string, text: string): Promise<ObjectRecord> {
  const object = await adopt(text);
  store.commit(execution(fingerprint, object), [object]);
  return object;
}

/** As the run that committed does at its end. */
const runEnded = (): void =>
  store.recordRun({
    runId: "run",
    pipeline: "p",
    config: "c",
    targets: [],
    startedAt: AT,
    durationMs: 1,
    status: "succeeded",
    executed: 1,
    hits: 0,
    stages: {},
  });

const evict = (...fingerprints: string[]) => store.keeping.evict(() => ({ fingerprints, orphans: [] }), AT);

test("an evicted execution becomes a tombstone; its files go after it", async () => {
  const object = await committed("f", "alpha");
  runEnded();
  expect(evict("f")).toMatchObject({ executions: [{ fingerprint: "f" }], objects: [object.digest] });
  expect(store.execution("f")).toMatchObject({ evictedAt: AT, stageId: "f" });
  expect(store.object(object.digest)).toBeUndefined();
  expect(existsSync(store.objectPath(object.digest))).toBe(true);
  expect(await store.keeping.removeUnindexed([object.digest], Date.now() + 1000)).toEqual([object.digest]);
  expect(existsSync(store.objectPath(object.digest))).toBe(false);
  expect(store.producers(object.digest)).toEqual(["f"]);
  expect(await checkStore(store)).toMatchObject({ ok: true, problems: [] });
});

test("killed between the mark and the files: no hit, nothing wrong, and the files are found again", async () => {
  const object = await committed("f", "alpha");
  runEnded();
  evict("f");
  await store.close();
  store = openStore(root);
  expect((await store.verify(object.digest)).intact).toBe(false);
  expect(store.unindexedObjects()).toEqual([object.digest]);
  expect(await checkStore(store)).toMatchObject({ ok: true, problems: [{ code: "unindexed-object" }] });
});

test("an artifact that two executions made goes with the second of them", async () => {
  const object = await committed("f", "alpha");
  await committed("g", "alpha");
  runEnded();
  expect(evict("f").objects).toEqual([]);
  expect((await store.verify(object.digest)).intact).toBe(true);
  expect(evict("g").objects).toEqual([object.digest]);
});

test("what a run made or claimed is not evicted while it lives, and is afterwards", async () => {
  const object = await committed("f", "alpha"); // by run `run`, which has not ended
  expect(evict("f").executions).toEqual([]);
  runEnded();
  expect(store.keeping.claim("other", ["f"])).toEqual([]);
  expect(evict("f").executions).toEqual([]);
  expect((await store.verify(object.digest)).intact).toBe(true);
  await store.close(); // gives up what is left
  store = openStore(root);
  expect(evict("f").executions).toHaveLength(1);
});

test("a claim of something evicted is refused whole, so that it is planned again", async () => {
  await committed("f", "alpha");
  await committed("g", "beta");
  runEnded();
  evict("f");
  expect(store.keeping.claim("other", ["f", "g"])).toEqual(["f"]);
  expect(evict("g").executions).toHaveLength(1); // the other one was not claimed either
});

test("a claim dies with its process", async () => {
  await committed("f", "alpha");
  runEnded();
  const child = spawn(execPath, ["-e", "setInterval(() => {}, 1000)"]);
  await once(child, "spawn");
  const process = { ...thisProcess(), pid: child.pid ?? 0, startTime: startTimeOf(child.pid ?? 0) };
  await store.close();
  // What that process would have written.
  const index = new IndexDatabase(join(root, "cache/index.mdb"));
  index.transaction((put) => put(claimKey("theirs", "f"), process));
  await index.close();
  store = openStore(root);
  expect(store.keeping.leftovers()).toEqual([]);
  expect(evict("f").executions).toEqual([]);
  child.kill("SIGKILL");
  await once(child, "exit");
  expect(store.keeping.leftovers()).toMatchObject([{ code: "claim-of-dead-process", key: "f" }]);
  expect(evict("f").executions).toHaveLength(1);
  expect(store.keeping.removeLeftovers()).toBe(1);
  expect(store.keeping.leftovers()).toEqual([]);
});

/** proc(5): field 22. */
function startTimeOf(pid: number): string {
  const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
  return stat.slice(stat.lastIndexOf(")") + 2).split(" ")[19] ?? "";
}

test("the same bytes made again while their files are about to go: the files stay", async () => {
  const object = await committed("f", "alpha");
  runEnded();
  evict("f");
  const again = await adopt("alpha"); // finds the files in place, and believes them
  expect(again.digest).toBe(object.digest);
  expect(await store.keeping.removeUnindexed([object.digest], Date.now() + 1000)).toEqual([]);
  store.commit(execution("f", again), [again]);
  expect(store.execution("f")?.evictedAt).toBeUndefined();
  expect((await store.verify(object.digest, { deep: true })).intact).toBe(true);
  runEnded();
  expect(evict("f").objects).toEqual([object.digest]); // and nothing holds them afterwards
});

test("files that came after the collection began stay: they may be about to be committed", async () => {
  const began = Date.now() - 1000;
  const object = await adopt("alpha");
  expect(await store.keeping.removeUnindexed([object.digest], began)).toEqual([]);
  expect(await store.keeping.removeUnindexed([object.digest], Date.now() + 1000)).toEqual([object.digest]);
});

test("a touched artifact that was evicted meanwhile does not come back as a record", async () => {
  const object = await committed("f", "alpha");
  runEnded();
  evict("f");
  store.remember(object);
  expect(store.object(object.digest)).toBeUndefined();
});

test("the day on which an execution last served is kept", async () => {
  await committed("f", "alpha");
  expect(store.keeping.snapshot().lastUsed.get("f")).toMatch(/^\d{4}-\d\d-\d\d$/);
  store.serve("other", "f");
  expect(store.keeping.snapshot().latest.get("other")).toBe("f");
});

test("an artifact that a forced execution replaced is named as such", async () => {
  const first = await committed("f", "alpha");
  await committed("f", "beta");
  runEnded();
  expect(
    store.keeping
      .leftovers()
      .map(({ code }) => code)
      .sort(),
  ).toEqual(["entry-without-execution", "object-without-execution"]);
  expect(store.keeping.evict(() => ({ fingerprints: [], orphans: [first.digest] }), AT).objects).toEqual([
    first.digest,
  ]);
  store.keeping.removeLeftovers();
  expect(store.keeping.leftovers()).toEqual([]);
});
