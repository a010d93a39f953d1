import { copyFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, truncateSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterEach, beforeEach, expect, test } from "vitest";
import { emptyEnvironment } from "../../src/store/empty-environment.ts";
import { IndexDatabase } from "../../src/store/index-database.ts";
import { indexDamage } from "../../src/store/index-file.ts";
import { structureDamage } from "../../src/store/index-structure.ts";

let root: string;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), "index-file-"));
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

test("an index cut at any length is made anew from the journal, or from nothing where there is none", async () => {
  const path = join(root, "index.mdb");
  const index = new IndexDatabase(path);
  for (let count = 0; count < 60; count++)
    index.transaction((put) => put(["execution", `f${count}`], { text: "x".repeat(count * 120) }));
  const entries = index.entries(["execution"]);
  await index.close();
  expect(indexDamage(path)).toBeUndefined();
  const { size } = statSync(path);
  const lengths = [1, 24, 100, 200, 4095, 4096, 8191, 8192, 8193, 12_288, size >> 1, size - 4096, size - 1];
  let rebuilt = 0;
  for (const length of lengths) {
    for (const journal of [true, false]) {
      const folder = join(root, `cut-${length}-${String(journal)}`);
      mkdirSync(folder);
      const cut = join(folder, "index.mdb");
      copyFileSync(path, cut);
      truncateSync(cut, length);
      if (journal) copyFileSync(join(root, "journal.jsonl"), join(folder, "journal.jsonl"));
      const whole = length > 0 && indexDamage(cut) === undefined;
      const opened = new IndexDatabase(cut);
      const left = opened.entries(["execution"]);
      const codes = opened.takeNotices().map(({ code }) => code);
      await opened.close();
      expect([length, codes]).toEqual([length, whole ? [] : [journal ? "INDEX_REBUILT" : "INDEX_LOST"]]);
      expect([length, left]).toEqual([length, whole || journal ? entries : []]);
      if (!whole && journal) rebuilt++;
    }
  }
  expect(rebuilt).toBeGreaterThan(8);
});

test("no index that transactions left is taken for damaged", async () => {
  const writes = fc.array(
    fc.record({ key: fc.nat(30), bytes: fc.constantFrom(10, 900, 5000, 20_000), remove: fc.boolean() }),
    { minLength: 1, maxLength: 25 },
  );
  let cases = 0;
  await fc.assert(
    fc.asyncProperty(fc.array(writes, { minLength: 1, maxLength: 12 }), async (transactions) => {
      const path = join(root, `case-${cases++}`, "index.mdb");
      const index = new IndexDatabase(path);
      try {
        for (const transaction of transactions) {
          index.transaction((put, remove) => {
            for (const { key, bytes } of transaction) put(["k", String(key)], "x".repeat(bytes));
            for (const { key } of transaction.filter((each) => each.remove)) remove(["k", String(key)]);
          });
          expect(indexDamage(path)).toBeUndefined();
          expect(structureDamage(path)).toBeUndefined();
        }
      } finally {
        await index.close();
      }
    }),
    { numRuns: 60 },
  );
});

test("a new index begins with the bytes that lmdb gives it", async () => {
  const path = join(root, "of-lmdb.mdb");
  const { open } = await import("lmdb");
  await open({ path, noSubdir: true, encoding: "string", overlappingSync: false }).close();
  expect(readFileSync(path)).toEqual(emptyEnvironment());
});
