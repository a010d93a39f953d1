import { expect, test } from "vitest";
import { fileKind } from "../../../src/data/formats/file-kind.ts";
import { fileTexts, type TextItem } from "../../../src/data/formats/file-texts.ts";
import { DEFAULT_MAX_LINE_BYTES } from "../../../src/std/read-lines.ts";
import { collect } from "../../../src/std/collect.ts";
import { formatFixture, inMemory } from "./in-memory.ts";

const read = (path: string, bytes: Uint8Array, field = "text"): Promise<TextItem[]> =>
  collect(fileTexts(inMemory(path, bytes), { where: path, field }));

test("formats are told by the name, whatever its case", () => {
  expect(fileKind("a/b.PARQUET")).toEqual({ format: "parquet", compression: undefined });
  expect(fileKind("x.jsonl.zst")).toEqual({ format: "jsonl", compression: "zstd" });
  expect(fileKind("x.ndjson.gz")).toEqual({ format: "jsonl", compression: "gzip" });
  expect(fileKind("README.md")).toEqual({ format: "text", compression: undefined });
  for (const other of ["x.parquet.gz", "x.json", "jsonl", "x.png", "x.txt.zip"])
    expect(fileKind(other)).toBeUndefined();
});

test("JSON Lines in Zstandard, and Parquet, give the field that is asked for", async () => {
  const lines = await read("x.jsonl.zst", await formatFixture("documents.jsonl.zst"));
  expect(lines).toHaveLength(3000);
  expect(lines[2500]).toEqual({ text: "document 2500, 第2500篇", faults: [] });
  const rows = await read("x.parquet", await formatFixture("duckdb-zstd.parquet"));
  expect(rows).toHaveLength(2100);
  expect(rows[2099]).toEqual({ text: "document 2099", faults: [] });
  expect(await read("x.parquet", await formatFixture("duckdb-gzip.parquet"), "id")).toContainEqual({
    dropped: "no field “id”",
    characters: 0,
  });
});

test("a Parquet file without the field is an error that lists its columns", async () => {
  await expect(
    read("x.parquet", await formatFixture("duckdb-gzip.parquet"), "content"),
  ).rejects.toMatchObject({
    code: "SCHEMA_MISMATCH",
    message: expect.stringContaining("it has id, text") as string,
  });
});

test("a line over the bound is dropped and counted, and those around it are read", async () => {
  const long = Buffer.alloc(DEFAULT_MAX_LINE_BYTES + 1, "x");
  const bytes = Buffer.concat([Buffer.from('{"text":"a"}\n'), long, Buffer.from('\n{"text":"b"}\n')]);
  expect(await read("x.jsonl", bytes)).toEqual([
    { text: "a", faults: [] },
    { dropped: "line too long", characters: 0 },
    { text: "b", faults: [] },
  ]);
});

test("text in another encoding is dropped and counted; a bad byte is repaired and reported", async () => {
  const gbk = Buffer.from("b4f3d1a7d6aed4dad2cee4c1b5c2", "hex"); // 大学之道在明德, roughly, in GBK
  expect(await read("x.txt", gbk)).toMatchObject([{ dropped: "not UTF-8" }]);
  const mixed = Buffer.concat([
    Buffer.from(`{"text":"${"long enough ".repeat(20)}`),
    Buffer.from([0xff]),
    Buffer.from('"}\n{"text":"'),
    gbk,
    Buffer.from('"}\n'),
  ]);
  expect(await read("x.jsonl", mixed)).toMatchObject([{ faults: ["invalidUtf8"] }, { dropped: "not UTF-8" }]);
});
