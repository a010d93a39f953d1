import { mkdtempSync, mkdirSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { digestFile } from "../../src/hashing/digest.ts";
import { digestTree, listTree, treeDigest } from "../../src/hashing/tree.ts";

let directory: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "tree-"));
});
afterEach(() => rmSync(directory, { recursive: true, force: true }));

test("a file's digest is that of its bytes, across the size of a chunk", async () => {
  const path = join(directory, "f");
  writeFileSync(path, "abc");
  // FIPS 180-2, appendix B.1.
  expect(await digestFile(path)).toEqual({
    sha256: "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
    sizeBytes: 3,
  });
  // FIPS 180-2, appendix B.3: one million letters a.
  writeFileSync(path, "a".repeat(1_000_000));
  expect((await digestFile(path)).sha256).toBe(
    "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0",
  );
});

test("the digest of a tree is decided by paths and contents, not by the order or the place", async () => {
  mkdirSync(join(directory, "a/sub"), { recursive: true });
  mkdirSync(join(directory, "b/sub"), { recursive: true });
  writeFileSync(join(directory, "a/x"), "1");
  writeFileSync(join(directory, "a/sub/y"), "2");
  writeFileSync(join(directory, "b/sub/y"), "2");
  writeFileSync(join(directory, "b/x"), "1");
  const [a, b] = [await digestTree(join(directory, "a")), await digestTree(join(directory, "b"))];
  expect(treeDigest(a)).toBe(treeDigest(b));
  expect(treeDigest([...a].reverse())).toBe(treeDigest(a));
  writeFileSync(join(directory, "b/x"), "3");
  expect(treeDigest(await digestTree(join(directory, "b")))).not.toBe(treeDigest(a));
  expect(treeDigest(a.map((file) => ({ ...file, path: `${file.path}z` })))).not.toBe(treeDigest(a));
});

test("paths are listed in code-unit order with forward slashes", () => {
  mkdirSync(join(directory, "a"));
  for (const path of ["a/b", "a.txt", "Z", "ä"]) writeFileSync(join(directory, path), "");
  expect(listTree(directory)).toEqual(["Z", "a.txt", "a/b", "ä"]);
});

test("a link inside an artifact is refused by name", () => {
  symlinkSync("/etc/hostname", join(directory, "link"));
  expect(() => listTree(directory)).toThrow(expect.objectContaining({ code: "ARTIFACT_NOT_PLAIN" }));
});

test("an aborted hash stops", async () => {
  writeFileSync(join(directory, "f"), "x");
  await expect(digestFile(join(directory, "f"), AbortSignal.abort(new Error("stopped")))).rejects.toThrow(
    "stopped",
  );
});
