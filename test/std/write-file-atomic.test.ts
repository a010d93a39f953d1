import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import { digestOf, digestOfFile } from "../../src/std/digest.ts";
import { writeFileAtomic } from "../../src/std/write-file-atomic.ts";
import { temporaryDirectory } from "../data/sources/temporary-directory.ts";

test("many writers at once leave one whole content and nothing else", async () => {
  const folder = await temporaryDirectory();
  const path = join(folder, "a.json");
  const contents = Array.from({ length: 20 }, (_, index) => String(index).repeat(5000));
  await Promise.all(contents.map((content) => writeFileAtomic(path, content)));
  expect(contents).toContain(await readFile(path, "utf8"));
  expect(await readdir(folder)).toEqual(["a.json"]);
});

test("a folder that is not there is an error and leaves nothing", async () => {
  const folder = await temporaryDirectory();
  await expect(writeFileAtomic(join(folder, "no", "a"), "x")).rejects.toMatchObject({ code: "ENOENT" });
  expect(await readdir(folder)).toEqual([]);
});

test("a file's digest is the digest of its bytes", async () => {
  const path = join(await temporaryDirectory(), "a");
  await writeFileAtomic(path, "abc");
  // printf abc | sha256sum
  const expected = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
  expect(await digestOfFile(path)).toBe(expected);
  expect(digestOf("abc")).toBe(expected);
});
