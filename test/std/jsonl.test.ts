import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import fc from "fast-check";
import { expect, test } from "vitest";
import { JsonlWriter, readJsonl } from "../../src/std/jsonl.ts";
import { readLines, type Line } from "../../src/std/read-lines.ts";
import { temporaryDirectory } from "../data/sources/temporary-directory.ts";

async function collect<T>(items: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = [];
  for await (const item of items) all.push(item);
  return all;
}

// eslint-disable-next-line @typescript-eslint/require-await -- a stream of chunks that are at hand
async function* chunks(bytes: Uint8Array, sizes: readonly number[]): AsyncGenerator<Uint8Array> {
  let at = 0;
  for (const size of sizes) {
    yield bytes.subarray(at, at + size);
    at += size;
  }
  yield bytes.subarray(at);
}

test("lines are the same however the bytes are cut into chunks", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(
        fc.string({ unit: "grapheme" }).map((text) => text.replaceAll(/[\r\n\uFEFF]/gu, "")),
        { maxLength: 8 },
      ),
      fc.array(fc.nat(7), { maxLength: 20 }),
      async (lines, sizes) => {
        const bytes = Buffer.from(lines.map((line) => `${line}\n`).join(""));
        const read = await collect(readLines(chunks(bytes, sizes), { where: "x" }));
        expect(read.map(({ text }) => text)).toEqual(lines);
        expect(read.map(({ number }) => number)).toEqual(lines.map((_, index) => index + 1));
      },
    ),
  );
});

test("a byte order mark, carriage returns and a missing last newline are no part of the text", async () => {
  const bytes = Buffer.from("\uFEFFone\r\ntwo\n\nthree");
  const texts = (await collect(readLines(chunks(bytes, []), { where: "x" }))).map(({ text }) => text);
  expect(texts).toEqual(["one", "two", "", "three"]);
});

test("a line with invalid UTF-8 is marked", async () => {
  const bytes = Buffer.concat([Buffer.from("good\n"), Buffer.from([0x62, 0xff, 10])]);
  const lines: Line[] = await collect(readLines(chunks(bytes, []), { where: "x" }));
  expect(lines.map(({ text, valid }) => [text, valid])).toEqual([
    ["good", true],
    ["b\uFFFD", false],
  ]);
});

test("a line beyond the bound is an error with its place, or is passed over and reported", async () => {
  const bytes = Buffer.from(`short\n${"x".repeat(100)}\nlast\n`);
  const sizes = Array.from({ length: 10 }, () => 10);
  await expect(
    collect(readLines(chunks(bytes, sizes), { where: "f.jsonl", maxLineBytes: 20 })),
  ).rejects.toMatchObject({
    code: "LINE_TOO_LONG",
    message: expect.stringContaining("f.jsonl:2") as string,
  });
  const tooLong: number[] = [];
  const options = { where: "f", maxLineBytes: 20, onTooLong: (line: number) => tooLong.push(line) };
  const lines = await collect(readLines(chunks(bytes, sizes), options));
  expect(lines.map(({ text, number }) => [text, number])).toEqual([
    ["short", 1],
    ["last", 3],
  ]);
  expect(tooLong).toEqual([2]);
});

test("values written are the values read", async () => {
  const path = join(await temporaryDirectory(), "a.jsonl");
  const values = Array.from({ length: 5000 }, (_, index) => ({ index, text: `第${index}行\n"quoted"` }));
  const writer = new JsonlWriter(path);
  for (const value of values) await writer.write(value);
  await writer.close();
  expect((await collect(readJsonl(path))).map(({ value }) => value)).toEqual(values);
  expect((await readFile(path, "utf8")).split("\n")).toHaveLength(5001);
});

test("a writer refuses to overwrite a file", async () => {
  const path = join(await temporaryDirectory(), "a.jsonl");
  await writeFile(path, "mine\n");
  const writer = new JsonlWriter(path);
  await writer.write(1);
  await expect(writer.close()).rejects.toMatchObject({ code: "EEXIST" });
  expect(await readFile(path, "utf8")).toBe("mine\n");
});

test("a line that is no JSON is an error with file and line", async () => {
  const path = join(await temporaryDirectory(), "a.jsonl");
  await writeFile(path, '1\n\n{"cut": tr\n');
  await expect(collect(readJsonl(path))).rejects.toMatchObject({
    code: "JSONL_SYNTAX",
    message: expect.stringContaining(`${path}:3`) as string,
  });
});
