import { mkdir, rm, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { expect, test } from "vitest";
import { fileTexts, type TextItem } from "../../../src/data/formats/file-texts.ts";
import { listLocal, openLocal } from "../../../src/data/sources/local.ts";
import { temporaryDirectory } from "./temporary-directory.ts";

async function read(path: string): Promise<TextItem[]> {
  const source = await openLocal(path);
  const items: TextItem[] = [];
  for await (const file of source.files())
    for await (const item of fileTexts(file, { where: file.path, field: "text" })) items.push(item);
  return items;
}

test("a folder gives its text files in the order of their paths, at any depth, gzipped or not", async () => {
  const folder = await temporaryDirectory();
  await mkdir(join(folder, "sub"));
  await writeFile(join(folder, "b.txt"), "second");
  await writeFile(join(folder, "a.md"), "# first");
  await writeFile(
    join(folder, "sub", "c.jsonl.gz"),
    gzipSync('{"text":"third","n":1}\n\n{"text":"fourth"}\n'),
  );
  await writeFile(join(folder, "picture.png"), "no text");
  expect(await read(folder)).toEqual(
    ["# first", "second", "third", "fourth"].map((text) => ({ text, faults: [] })),
  );
});

test("links to files and folders are followed, once around", async () => {
  const [folder, elsewhere] = [await temporaryDirectory(), await temporaryDirectory()];
  await writeFile(join(elsewhere, "blob"), "behind a link");
  await mkdir(join(elsewhere, "more"));
  await writeFile(join(elsewhere, "more", "d.txt"), "in a linked folder");
  await symlink(join(elsewhere, "blob"), join(folder, "a.txt"));
  await symlink(join(elsewhere, "more"), join(folder, "linked"));
  await symlink(folder, join(elsewhere, "more", "back"));
  await symlink(join(elsewhere, "nothing"), join(folder, "no-text"));
  const source = await openLocal(folder);
  expect(source.record().files?.map(({ path }) => path)).toEqual(["a.txt", "linked/d.txt"]);
  expect(await read(folder)).toMatchObject([{ text: "behind a link" }, { text: "in a linked folder" }]);

  await symlink(join(elsewhere, "nothing"), join(folder, "b.txt"));
  await expect(openLocal(folder)).rejects.toMatchObject({
    code: "FILE_UNREADABLE",
    message: expect.stringContaining(join(folder, "b.txt")) as string,
  });
});

test("a single file is a source too, and every file's digest is recorded", async () => {
  const folder = await temporaryDirectory();
  await writeFile(join(folder, "a.txt"), "abc");
  const source = await openLocal(join(folder, "a.txt"));
  expect(source.record().files).toEqual([
    // printf abc | sha256sum
    {
      path: "a.txt",
      digest: "sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
      bytes: 3,
    },
  ]);
});

test("the revision of a folder changes when a file changes, even one of the same size", async () => {
  const folder = await temporaryDirectory();
  await writeFile(join(folder, "a.txt"), "abc");
  await writeFile(join(folder, "b.txt"), "abc");
  const before = (await openLocal(folder)).record().revision;
  await writeFile(join(folder, "b.txt"), "abd");
  expect((await openLocal(folder)).record().revision).not.toBe(before);
});

test("invalid UTF-8, NULs and lone surrogates are repaired and reported", async () => {
  const folder = await temporaryDirectory();
  await writeFile(join(folder, "a.txt"), Buffer.from([0x61, 0xff, 0x62, 0x00, 0x63]));
  await writeFile(join(folder, "b.jsonl"), '{"text":"x\\ud800y"}\n');
  expect(await read(folder)).toEqual([
    { text: "a\uFFFDbc", faults: ["invalidUtf8", "controlCharacters"] },
    { text: "x\uFFFDy", faults: ["loneSurrogates"] },
  ]);
});

test("lines that are no record are dropped and counted", async () => {
  const folder = await temporaryDirectory();
  await writeFile(
    join(folder, "a.jsonl"),
    '{"txt":"no"}\nnot json\n{"text":7}\n{"text":" "}\n{"text":"yes"}\n',
  );
  const items = await read(folder);
  expect(items.filter((item) => "dropped" in item).map((item) => "dropped" in item && item.dropped)).toEqual([
    "no field “text”",
    "no JSON object",
    "no field “text”",
    "empty",
  ]);
  expect(items.at(-1)).toEqual({ text: "yes", faults: [] });
});

test("a long text is cut at blank lines and nothing of it is lost", async () => {
  const folder = await temporaryDirectory();
  const paragraphs = Array.from({ length: 200 }, (_, index) =>
    `Paragraph ${index} ${"word ".repeat(20)}`.trim(),
  );
  await writeFile(join(folder, "a.txt"), paragraphs.join("\n\n"));
  const items = await read(folder);
  expect(items.length).toBeGreaterThan(5);
  const texts = items.map((item) => ("text" in item ? item.text : ""));
  expect(Math.max(...texts.map((text) => text.length))).toBeLessThan(2400);
  expect(texts.join("\n\n")).toBe(paragraphs.join("\n\n"));
});

test("a path that is not there, a folder without text and a broken gzip file are errors with a code", async () => {
  const folder = await temporaryDirectory();
  await expect(openLocal(join(folder, "nothing"))).rejects.toMatchObject({
    code: "FILE_NOT_FOUND",
    kind: "user",
  });
  await expect(openLocal(folder)).rejects.toMatchObject({ code: "EMPTY_CORPUS", kind: "user" });
  await writeFile(join(folder, "a.pdf"), "%PDF-1.7");
  await expect(openLocal(join(folder, "a.pdf"))).rejects.toMatchObject({
    code: "FILE_KIND_UNKNOWN",
    kind: "user",
  });
  await writeFile(join(folder, "a.txt.gz"), gzipSync("hello ".repeat(1000)).subarray(0, 30));
  await expect(read(folder)).rejects.toMatchObject({ code: "FILE_CORRUPT" });
});

test("what the system does not let be read is told with its path and why, and never taken for what is not there or empty", async () => {
  const folder = await temporaryDirectory();
  await symlink("a.txt", join(folder, "a.txt"));
  await expect(openLocal(join(folder, "a.txt"))).rejects.toMatchObject({
    code: "FILE_UNREADABLE",
    message: expect.stringMatching(/a\.txt cannot be read: ELOOP/u) as string,
  });
  await rm(join(folder, "a.txt"));
  await writeFile(join(folder, "b.txt.gz"), gzipSync("text"));
  const source = await listLocal(folder);
  await rm(join(folder, "b.txt.gz"));
  const read = async () => {
    for await (const file of source.files())
      for await (const item of fileTexts(file, { where: file.path, field: "text" }))
        expect(item).toBeUndefined();
  };
  await expect(read()).rejects.toMatchObject({
    code: "FILE_UNREADABLE",
    message: expect.stringMatching(/b\.txt\.gz cannot be read: ENOENT/u) as string,
  });
  await symlink("/dev/null", join(folder, "null.txt"));
  await expect(listLocal(join(folder, "null.txt"))).rejects.toMatchObject({ code: "FILE_KIND_UNKNOWN" });
});
