import { closeSync, mkdtempSync, openSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterEach, beforeEach, expect, test } from "vitest";
import { lastPageEnd } from "../../src/store/index-file.ts";
import { makeFiles, openLmdb } from "../../src/store/open-lmdb.ts";
import { PageRoom } from "../../src/store/page-room.ts";

let root: string;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), "page-room-"));
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

function pagesEnd(path: string): number {
  const file = openSync(path, "r");
  try {
    return lastPageEnd(file);
  } finally {
    closeSync(file);
  }
}

const record = fc.record({
  key: fc.nat(3000),
  bytes: fc.oneof(fc.nat(200), fc.nat(9000), fc.constantFrom(2000, 4000, 60_000)),
  remove: fc.boolean(),
});

test("no commit makes the file longer, and no page of it is a hole", async () => {
  let cases = 0;
  let grew = 0;
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.array(record, { minLength: 1, maxLength: 400 }), { minLength: 1, maxLength: 8 }),
      async (transactions) => {
        const path = join(root, `${cases++}.mdb`);
        makeFiles(path);
        const database = openLmdb(path);
        try {
          for (const records of transactions) {
            const before = pagesEnd(path);
            const reserved = database.transactionSync(() => {
              const room = new PageRoom(path);
              for (const { key, bytes, remove } of records) {
                room.take(remove ? 0 : bytes);
                if (remove) database.removeSync(["execution", String(key)]);
                else database.putSync(["execution", String(key)], "x".repeat(bytes));
              }
              return statSync(path).size;
            });
            const { size, blocks } = statSync(path);
            expect(size).toBe(reserved);
            expect(pagesEnd(path)).toBeLessThanOrEqual(reserved);
            expect(blocks * 512).toBeGreaterThanOrEqual(size);
            if (pagesEnd(path) > before) grew++;
          }
        } finally {
          await database.close();
        }
      },
    ),
    { numRuns: 60 },
  );
  expect(grew).toBeGreaterThan(60);
}, 120_000);
