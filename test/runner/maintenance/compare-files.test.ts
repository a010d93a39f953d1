import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterEach, beforeEach, expect, test } from "vitest";
import { firstDifference, firstJsonDifference } from "../../../src/runner/maintenance/compare-files.ts";

let directory: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "compare-"));
});
afterEach(() => rmSync(directory, { recursive: true, force: true }));

function pair(a: string | Uint8Array, b: string | Uint8Array): [string, string] {
  const paths: [string, string] = [join(directory, "a"), join(directory, "b")];
  writeFileSync(paths[0], a);
  writeFileSync(paths[1], b);
  return paths;
}

test.each([
  ["", "", undefined],
  ["same", "same", undefined],
  ["same", "sane", 2],
  ["begin", "beginning", 5],
  ["", "x", 0],
])("%j and %j differ from byte %s", async (a, b, offset) => {
  expect(await firstDifference(...pair(a, b))).toBe(offset);
});

test("a difference behind the first megabytes is found where it is", async () => {
  await fc.assert(
    fc.asyncProperty(fc.nat(3 * 1024 * 1024 - 1), async (offset) => {
      const bytes = Buffer.alloc(3 * 1024 * 1024);
      const other = Buffer.from(bytes);
      other[offset] = 1;
      expect(await firstDifference(...pair(bytes, other))).toBe(offset);
    }),
    { numRuns: 10 },
  );
});

test.each([
  ['{"a":1,"b":{"c":[1,2]}}', '{"b":{"c":[1,3]},"a":1}', "b.c.1"],
  ['{"a":1}', '{"a":1,"z":null}', "z"],
  ['{"a":1}', '{"a": 1}', undefined],
  ["[]", "{}", ""],
  ["{", '{"a":1}', undefined],
])("%s and %s first differ at key %j", async (a, b, key) => {
  expect(await firstJsonDifference(...pair(a, b))).toBe(key);
});
