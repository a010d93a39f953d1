import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import {
  appendFileSync,
  copyFileSync,
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
import { join } from "node:path";
import fc from "fast-check";
import { afterEach, beforeEach, expect, test } from "vitest";
import { thisProcess } from "../../src/std/process-identity.ts";
import { IndexDatabase, type IndexEntry } from "../../src/store/index-database.ts";
import { structureDamage } from "../../src/store/index-structure.ts";
import { readJournal } from "../../src/store/journal-lines.ts";

let root: string;
let folders = 0;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), "journal-"));
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

const indexOf = (folder: string): string => join(folder, "index.mdb");
const journalOf = (folder: string): string => join(folder, "journal.jsonl");

function newFolder(): string {
  const folder = join(root, String(folders++));
  mkdirSync(folder);
  return folder;
}

/** A copy of the journal alone: what is left where the index is lost. */
function journalOnly(folder: string): string {
  const copy = newFolder();
  copyFileSync(journalOf(folder), journalOf(copy));
  return copy;
}

async function within<T>(folder: string, work: (index: IndexDatabase) => T): Promise<T> {
  const index = new IndexDatabase(indexOf(folder));
  try {
    return work(index);
  } finally {
    await index.close();
  }
}

const put = (index: IndexDatabase, key: string[], value: unknown): void =>
  index.transaction((write) => write(key, value));

/** Without what the journal leaves out on purpose. */
const kept = (index: IndexDatabase): IndexEntry[] =>
  index.entries([]).filter(({ key }) => !["view", "journal", "unjournaled"].includes(key[0] ?? ""));

const tables = ["execution", "object", "produced", "pin", "run", "lock", "latest", "used", "view", "another"];
const change = fc.record({
  table: fc.constantFrom(...tables),
  key: fc.nat(5),
  value: fc.constantFrom("a", "b".repeat(20_000)),
  remove: fc.boolean(),
});

const valueOf = (table: string, value: string): unknown =>
  table === "lock" ? { process: thisProcess(), value } : table === "run" ? { executed: 1, value } : value;

function write(
  index: IndexDatabase,
  changes: readonly { table: string; key: number; value: string; remove: boolean }[],
) {
  index.transaction((put, remove) => {
    for (const { table, key, value, remove: removed } of changes)
      if (removed) remove([table, String(key)]);
      else put([table, String(key)], valueOf(table, value));
  });
}

test("an index made anew equals the old one, table by table, whatever transactions came before", async () => {
  const transactions = fc.array(fc.array(change, { minLength: 1, maxLength: 12 }), {
    minLength: 1,
    maxLength: 40,
  });
  let snapshots = 0;
  await fc.assert(
    fc.asyncProperty(transactions, async (all) => {
      const folder = newFolder();
      const before = await within(folder, (index) => {
        for (const changes of all) write(index, changes);
        put(index, ["execution", "last"], "takes along what waited");
        return kept(index);
      });
      if (readFileSync(journalOf(folder), "utf8").split("\n")[0]?.includes('"seq":1}') === false) snapshots++;
      const after = await within(journalOnly(folder), kept);
      expect(after).toEqual(before);
      rmSync(folder, { recursive: true });
    }),
    { numRuns: 25 },
  );
  expect(snapshots).toBeGreaterThan(0);
});

test("a journal torn at every byte of its last line gives all that came before it, and counts nothing as damaged", async () => {
  const folder = newFolder();
  const [first, whole] = await within(folder, (index) => {
    put(index, ["execution", "one"], { text: "ä".repeat(30) });
    const size = statSync(journalOf(folder)).size;
    put(index, ["execution", "two"], { text: "€".repeat(30) });
    return [size, statSync(journalOf(folder)).size];
  });
  for (let length = first; length < whole; length++) {
    const copy = journalOnly(folder);
    truncateSync(journalOf(copy), length);
    expect(readJournal(journalOf(copy))).toMatchObject({ damaged: 0, lastSeq: 1 });
    // The index has both; the next writer makes the journal whole again.
    copyFileSync(indexOf(folder), indexOf(copy));
    if (length % 10 !== 0) continue;
    await within(copy, (index) => put(index, ["execution", "three"], {}));
    const keys = await within(journalOnly(copy), (index) => kept(index).map(({ key }) => key[1]));
    expect(keys).toEqual(["one", "three", "two"]);
  }
});

test("a line with a wrong checksum is skipped and counted, and the journal is kept for a look at it", async () => {
  const folder = newFolder();
  await within(folder, (index) => {
    for (const name of ["one", "two", "three"]) put(index, ["execution", name], { name });
  });
  const text = readFileSync(journalOf(folder), "utf8").replace('{"name":"two"}', '{"name":"tvo"}');
  const copy = newFolder();
  writeFileSync(journalOf(copy), text);
  await within(copy, (index) => {
    expect(kept(index).map(({ key }) => key[1])).toEqual(["one", "three"]);
    const [notice, ...more] = index.takeNotices();
    expect(more).toEqual([]);
    expect(notice?.message).toContain(
      "1 line of which could not be read: 2 records, 2 of them finished executions",
    );
    put(index, ["execution", "four"], {});
  });
  expect(readFileSync(`${journalOf(copy)}.damaged-1`, "utf8")).toBe(text);
  expect(readJournal(journalOf(copy))).toMatchObject({ damaged: 0 });
});

test("an index of a time before there was a journal gets one at the first write, with all that it holds", async () => {
  const folder = newFolder();
  await within(folder, (index) => put(index, ["execution", "old"], { old: true }));
  rmSync(journalOf(folder));
  await within(folder, (index) => index.get(["execution", "old"]));
  expect(existsSync(journalOf(folder))).toBe(false);
  await within(folder, (index) => put(index, ["execution", "new"], {}));
  expect(await within(journalOnly(folder), (index) => kept(index).length)).toBe(2);
});

test("reading touches no journal, and a run of hits writes none: its record goes with the next line", async () => {
  const folder = newFolder();
  await within(folder, (index) => {
    put(index, ["execution", "one"], {});
    const size = statSync(journalOf(folder)).size;
    index.transaction((write) => {
      write(["run", "idle"], { executed: 0 });
      write(["used", "one"], "2026-01-01");
    });
    expect(statSync(journalOf(folder)).size).toBe(size);
    put(index, ["execution", "two"], {});
  });
  const keys = await within(journalOnly(folder), (index) => kept(index).map(({ key }) => key.join("/")));
  expect(keys).toEqual(["execution/one", "execution/two", "run/idle", "used/one"]);
});

test("the journal stays within a few times of what the index holds", async () => {
  const folder = newFolder();
  await within(folder, (index) => {
    for (let count = 0; count < 150; count++)
      put(index, ["execution", "same"], { count, text: "x".repeat(2000) });
  });
  expect(statSync(journalOf(folder)).size).toBeLessThan(90_000);
  const value = await within(journalOnly(folder), (index) => index.get(["execution", "same"]));
  expect(value).toMatchObject({ count: 149 });
});

test("a line whose transaction did not commit is committed by the next writer, before its own changes", async () => {
  const folder = newFolder();
  await within(folder, (index) => put(index, ["execution", "one"], 1));
  copyFileSync(indexOf(folder), join(folder, "before"));
  await within(folder, (index) => {
    index.transaction((write, remove) => {
      remove(["execution", "one"]);
      write(["execution", "two"], 2);
    });
  });
  copyFileSync(join(folder, "before"), indexOf(folder));
  await within(folder, (index) => {
    index.transaction((write) => write(["execution", "three"], index.get(["execution", "two"])));
    expect(kept(index).map(({ key, value }) => [key[1], value])).toEqual([
      ["three", 2],
      ["two", 2],
    ]);
  });
});

test("locks of the living survive, those of the dead do not", async () => {
  const folder = newFolder();
  await within(folder, (index) => {
    put(index, ["lock", "mine"], { process: thisProcess() });
    put(index, ["lock", "theirs"], { process: { ...thisProcess(), startTime: "1" } });
  });
  await within(journalOnly(folder), (index) => {
    expect(kept(index).map(({ key }) => key[1])).toEqual(["mine"]);
    // The journal still has the other; that is no damage.
    expect(index.compareJournal()).toMatchObject({ state: "read", onlyInJournal: [], notInJournal: [] });
  });
});

test("a flipped bit in a record is found when it is read, and the index made anew behind the reader's back", async () => {
  const folder = newFolder();
  await within(folder, (index) => {
    for (let count = 0; count < 20; count++)
      put(index, ["execution", `f${count}`], { marker: `value-${count}` });
  });
  flip(indexOf(folder), "value-7");
  await within(folder, (index) => {
    expect(index.get(["execution", "f7"])).toEqual({ marker: "value-7" });
    expect(index.entries(["execution"]).length).toBe(20);
    expect(index.takeNotices().map(({ code }) => code)).toEqual(["INDEX_REBUILT"]);
    put(index, ["execution", "more"], {});
  });
  expect(readdirSync(folder)).toContain("index.mdb.damaged-1");
});

test("without a journal a damaged record is a miss and a warning, and the others stay", async () => {
  const folder = newFolder();
  await within(folder, (index) => {
    for (let count = 0; count < 20; count++)
      put(index, ["execution", `f${count}`], { marker: `value-${count}` });
  });
  rmSync(journalOf(folder));
  flip(indexOf(folder), "value-7");
  await within(folder, (index) => {
    expect(index.get(["execution", "f7"])).toBeUndefined();
    expect(index.entries(["execution"]).length).toBe(19);
    expect(index.takeNotices().map(({ code }) => code)).toEqual(["INDEX_RECORD_DAMAGED"]);
  });
});

/** In every page that holds the text: LMDB leaves old pages behind. */
function flip(path: string, text: string): void {
  const bytes = readFileSync(path);
  for (let at = bytes.indexOf(text); at !== -1; at = bytes.indexOf(text, at + 1))
    bytes[at] = (bytes[at] ?? 0) ^ 1;
  writeFileSync(path, bytes);
}

test("a writer whose file another process replaced writes to the new one", async () => {
  const folder = newFolder();
  const first = new IndexDatabase(indexOf(folder));
  put(first, ["execution", "one"], 1);
  rmSync(indexOf(folder)); // gone for who opens it next; who has it open keeps it
  const second = new IndexDatabase(indexOf(folder));
  expect(second.takeNotices().map(({ code }) => code)).toEqual(["INDEX_REBUILT"]);
  put(first, ["execution", "two"], 2);
  expect(kept(second).map(({ key }) => key[1])).toEqual(["one", "two"]);
  expect(first.takeNotices()).toEqual([]);
  await first.close();
  await second.close();
});

test("after a process died with the index open, the next looks through every page before it maps the file", async () => {
  const folder = newFolder();
  await within(folder, (index) => {
    for (let count = 0; count < 60; count++)
      put(index, ["execution", `f${count}`], { text: "x".repeat(count * 120) });
  });
  const bytes = readFileSync(indexOf(folder));
  let found = 0;
  for (let page = 2; page * 4096 < bytes.length; page += 3) {
    const damaged = Buffer.from(bytes);
    damaged[page * 4096 + 22] = (damaged[page * 4096 + 22] ?? 0) ^ 4; // where the records of the page begin
    const copy = journalOnly(folder);
    writeFileSync(indexOf(copy), damaged);
    if (structureDamage(indexOf(copy)) === undefined) continue; // a page that is not in use
    found++;
    mkdirSync(join(copy, "open"));
    writeFileSync(join(copy, "open/1-1"), JSON.stringify({ ...thisProcess(), startTime: "1" }));
    const keys = await within(copy, (index) => [kept(index).length, index.takeNotices()[0]?.code]);
    expect(keys).toEqual([60, "INDEX_REBUILT"]);
    expect(readdirSync(join(copy, "open"))).toEqual([]);
  }
  expect(found).toBeGreaterThan(3);
});

test("repair puts back what only the journal has, names it, and believes the index in all else", async () => {
  const folder = newFolder();
  await within(folder, (index) => {
    put(index, ["execution", "one"], 1);
    put(index, ["execution", "two"], 2);
  });
  const full = readFileSync(journalOf(folder));
  await within(folder, (index) => {
    index.transaction((write, remove) => {
      remove(["execution", "one"]);
      write(["execution", "two"], 3);
    });
    writeFileSync(journalOf(folder), full.subarray(0, full.lastIndexOf(10, -2) + 1));
    expect(index.compareJournal()).toMatchObject({
      onlyInJournal: ["execution/one"],
      notInJournal: ["execution/two"],
    });
    expect(index.repair()).toEqual([["execution", "one"]]);
    expect(kept(index).map(({ value }) => value)).toEqual([1, 3]);
    expect(index.compareJournal()).toMatchObject({ state: "read", onlyInJournal: [], notInJournal: [] });
  });
});

test("two processes that write at once lose nothing, and journal and index agree", async () => {
  const folder = newFolder();
  const writer = join(import.meta.dirname, "journal-writer.ts");
  const esbuild = join(import.meta.dirname, "../../node_modules/.bin/esbuild");
  const bundle = join(folder, "writer.mjs");
  execFileSync(esbuild, [
    writer,
    "--bundle",
    "--platform=node",
    "--format=esm",
    "--external:lmdb",
    `--outfile=${bundle}`,
  ]);
  symlinkSync(join(import.meta.dirname, "../../node_modules"), join(folder, "node_modules"));
  await Promise.all(
    ["a", "b"].map(async (name) => {
      const child = spawn(process.execPath, [bundle, indexOf(folder), name], { stdio: "inherit" });
      const [code] = (await once(child, "exit")) as [number];
      expect(code).toBe(0);
    }),
  );
  await within(folder, (index) => {
    expect(index.entries(["execution"]).length).toBe(80);
    expect(index.compareJournal()).toMatchObject({
      damagedLines: 0,
      ahead: 0,
      onlyInJournal: [],
      notInJournal: [],
    });
  });
  expect(await within(journalOnly(folder), (index) => index.entries(["execution"]).length)).toBe(80);
});

/** Every leaf says that it holds one record: lmdb reads past the others without a word. */
function loseRecords(path: string): void {
  const bytes = readFileSync(path);
  for (let page = 2 * 4096; page < bytes.length; page += 4096)
    if (bytes.readUInt16LE(page + 18) === 2) bytes.writeUInt16LE(2, page + 20);
  writeFileSync(path, bytes);
}

test("records that pages lost without a word are found before a first miss is believed", async () => {
  const folder = newFolder();
  await within(folder, (index) => {
    for (let count = 0; count < 60; count++) put(index, ["execution", `f${count}`], { count });
  });
  loseRecords(indexOf(folder));
  await within(folder, (index) => {
    expect(index.compareJournal().indexDamage).toBeDefined();
    for (let count = 0; count < 60; count++) expect(index.get(["execution", `f${count}`])).toEqual({ count });
    expect(index.takeNotices().map(({ code }) => code)).toEqual(["INDEX_REBUILT"]);
    expect(index.compareJournal().indexDamage).toBeUndefined();
  });
});

test("a snapshot of an index that lost records is not made: the journal keeps them", async () => {
  const folder = newFolder();
  await within(folder, (index) => {
    for (let count = 0; count < 60; count++) put(index, ["execution", `f${count}`], { count });
  });
  loseRecords(indexOf(folder));
  appendFileSync(journalOf(folder), "torn"); // the next writer makes a snapshot
  await within(folder, (index) => put(index, ["execution", "one more"], {}));
  expect(await within(journalOnly(folder), (index) => kept(index).length)).toBe(61);
});
