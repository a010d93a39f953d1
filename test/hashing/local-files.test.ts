import {
  existsSync,
  linkSync,
  mkdirSync,
  mkdtempSync,
  renameSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import fc from "fast-check";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { digestFile, digestValue } from "../../src/hashing/digest.ts";
import { digestLocalFiles, type StatMemory } from "../../src/hashing/local-files.ts";
import { decodeStatRecords, encodeStatRecords, type StatRecords } from "../../src/hashing/stat-records.ts";
import { digestOf } from "../../src/std/digest.ts";
import { StatCache } from "../../src/store/stat-cache.ts";

/** Keeps records as the bytes that the store would keep. */
class Memory implements StatMemory {
  readonly bytes = new Map<string, Uint8Array>();
  recall(path: string): StatRecords | undefined {
    const known = this.bytes.get(path);
    return known && decodeStatRecords(known);
  }
  remember(path: string, records: StatRecords): void {
    this.bytes.set(path, encodeStatRecords(records));
  }
}

let root: string;
let memory: Memory;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), "local-files-"));
  memory = new Memory();
});
afterEach(() => {
  vi.useRealTimers();
  rmSync(root, { recursive: true, force: true });
});

function write(path: string, text: string): void {
  mkdirSync(dirname(join(root, path)), { recursive: true });
  writeFileSync(join(root, path), text);
}

const cached = (path = "data"): Promise<string | null> => digestLocalFiles(root, path, memory);
const uncached = (path = "data"): Promise<string | null> => digestLocalFiles(root, path, new Memory());

/** The clock that tells how old a file is goes ahead: what was just written counts as aged. */
const letFilesAge = (): void => {
  vi.useFakeTimers({ toFake: ["Date"], now: Date.now() + 60_000 });
};

/** Longer than the tick in which the kernel stamps files. */
const nextTick = (): Promise<void> => sleep(12);

test("a folder is the sorted list of its files with their digests, a file is its digest, nothing is null", async () => {
  write("data/b/c.txt", "c");
  write("data/a.txt", "a");
  mkdirSync(join(root, "data/empty"));
  expect(await cached()).toBe(
    digestValue([
      ["a.txt", digestOf("a")],
      [join("b", "c.txt"), digestOf("c")],
    ]),
  );
  expect(await cached("data/a.txt")).toBe(digestOf("a"));
  expect(await cached("data/none")).toBe(null);
  expect(await cached("data/empty")).toBe(digestValue([]));
});

const name = fc.constantFrom("a", "b", "sub/c", "sub/d", "ü/é");
const content = fc.constantFrom("1111", "2222", "3333", "longer");
const edit = fc.oneof(
  fc.record({ kind: fc.constant("write" as const), name, content }),
  fc.record({ kind: fc.constant("write and set the time back" as const), name, content }),
  fc.record({ kind: fc.constant("replace by rename" as const), name, content }),
  fc.record({ kind: fc.constant("write through a hard link" as const), name, content }),
  fc.record({ kind: fc.constant("replace by a link" as const), name, content }),
  fc.record({ kind: fc.constant("remove" as const), name, content }),
);
type Edit = typeof edit extends fc.Arbitrary<infer E> ? E : never;

function apply({ kind, name: file, content: text }: Edit): void {
  const path = join(root, "data", file);
  mkdirSync(dirname(path), { recursive: true });
  const beside = join(root, "beside");
  rmSync(beside, { force: true });
  if (kind === "write") writeFileSync(path, text);
  else if (kind === "write and set the time back") {
    writeFileSync(path, text);
    utimesSync(path, 1_000_000, 1_000_000);
  } else if (kind === "replace by rename") {
    writeFileSync(beside, text);
    utimesSync(beside, 1_000_000, 1_000_000);
    renameSync(beside, path);
  } else if (kind === "write through a hard link") {
    if (!existsSync(path)) return;
    linkSync(path, beside);
    writeFileSync(beside, text);
  } else if (kind === "replace by a link") {
    rmSync(path, { force: true });
    writeFileSync(`${root}/target-${text}`, text);
    symlinkSync(`${root}/target-${text}`, path);
  } else rmSync(path, { force: true });
}

test("after any edits, the remembered digest is the one that hashing everything gives", async () => {
  letFilesAge();
  await fc.assert(
    fc.asyncProperty(fc.array(edit, { maxLength: 6 }), async (edits) => {
      rmSync(join(root, "data"), { recursive: true, force: true });
      mkdirSync(join(root, "data"));
      for (const each of edits) {
        apply(each);
        expect(await cached()).toBe(await uncached());
        await nextTick();
      }
    }),
    { numRuns: 40 },
  );
}, 60_000);

test("a file of the same size written in the same tick is seen, whatever its stat says", async () => {
  for (let round = 0; round < 20; round++) {
    write("data/a", `even ${round}`);
    const before = await cached();
    write("data/a", `odd! ${round}`);
    expect(await cached()).not.toBe(before);
    expect(await cached()).toBe(await uncached());
  }
});

test("a file from the future, as after the clock was set back, is hashed every time", async () => {
  write("data/a", "1111");
  vi.useFakeTimers({ toFake: ["Date"], now: Date.now() - 3_600_000 });
  await cached();
  expect(memory.recall(join(root, "data"))?.racy).toEqual(Buffer.from([1]));
});

test("what has aged and is unchanged is not read again, neither a file nor a folder nor the rest of a folder", async () => {
  letFilesAge();
  write("data/a", "1111");
  write("data/b", "2222");
  await cached();
  // A digest that no reading would give, so that reading shows.
  const records = memory.recall(join(root, "data"));
  if (records === undefined) throw new Error("nothing was remembered");
  const digests = Buffer.from(records.digests).fill(7, 0, 32);
  memory.remember(join(root, "data"), { ...records, digests, digest: "ab".repeat(32) });
  expect(await cached()).toBe("ab".repeat(32));
  await nextTick();
  write("data/b", "3333");
  expect(await cached()).toBe(
    digestValue([
      ["a", "07".repeat(32)],
      ["b", digestOf("3333")],
    ]),
  );
});

test("a link that leads back into its own folder ends the walk", async () => {
  write("data/a", "1");
  symlinkSync(join(root, "data"), join(root, "data/again"));
  mkdirSync(join(root, "other"));
  write("other/x", "2");
  symlinkSync(join(root, "other"), join(root, "data/linked"));
  expect(await cached()).toBe(
    digestValue([
      ["a", digestOf("1")],
      [join("linked", "x"), digestOf("2")],
    ]),
  );
});

test("the store keeps the records over processes, and a damaged file is as good as none", async () => {
  letFilesAge();
  write("data/a", "1111");
  const first = new StatCache(join(root, "cache"));
  const digest = await digestLocalFiles(root, "data", first);
  expect(existsSync(join(root, "cache"))).toBe(false);
  await first.save();
  const path = join(root, "data");
  expect(new StatCache(join(root, "cache")).recall(path)?.digest).toBe(digest);
  for (const damaged of ["", "stats", "x".repeat(500)]) {
    writeFileSync(join(root, "cache/stats", digestOf(path)), damaged);
    expect(new StatCache(join(root, "cache")).recall(path)).toBe(undefined);
  }
});

test("records survive packing, and half a buffer is none", () => {
  const records: StatRecords = {
    paths: "a\0ü",
    stats: new BigInt64Array([1n, -2n, 3n, 4n, 5n, 6n, 7n, 2n ** 63n - 1n]),
    racy: Buffer.from([0, 1]),
    digests: Buffer.alloc(64, 9),
    digest: "cd".repeat(32),
  };
  const bytes = encodeStatRecords(records);
  expect(decodeStatRecords(bytes)).toEqual(records);
  expect(decodeStatRecords(bytes.subarray(0, 100))).toBe(undefined);
});

test("a file longer than a chunk is hashed whole, and an aborted digest rejects with the reason", async () => {
  const bytes = Buffer.alloc(2_500_000, "chunk ");
  writeFileSync(join(root, "large"), bytes);
  expect(await digestFile(join(root, "large"))).toEqual({ sha256: digestOf(bytes), sizeBytes: 2_500_000 });
  await expect(digestFile(join(root, "large"), AbortSignal.abort(new Error("stopped")))).rejects.toThrow(
    "stopped",
  );
});

test("the store tells what it remembers beside what is named", async () => {
  const cache = mkdtempSync(join(tmpdir(), "stats-"));
  try {
    const stats = new StatCache(cache);
    const [kept, idle] = [join(cache, "kept"), join(cache, "idle")];
    for (const path of [kept, idle]) {
      writeFileSync(path, path);
      await digestLocalFiles(cache, path, stats);
    }
    expect(stats.recordsBeside([])).toEqual([]);
    await stats.save();
    expect(stats.recordsBeside([kept])).toEqual([join(cache, "stats", digestOf(idle))]);
    expect(stats.recordsBeside([kept, idle])).toEqual([]);
  } finally {
    rmSync(cache, { recursive: true });
  }
});
