import fc from "fast-check";
import { parquetMetadata } from "hyparquet";
import { expect, test } from "vitest";
import { PipelineError } from "../../../src/errors.ts";
import { PARQUET_BOUNDS } from "../../../src/data/formats/parquet-bounds.ts";
import { readParquetHead } from "../../../src/data/formats/parquet-head.ts";
import { openParquet } from "../../../src/data/formats/parquet-rows.ts";
import { formatFixture, inMemory } from "./in-memory.ts";

const codecs = ["uncompressed", "snappy", "gzip", "zstd"];
const row = (i: number) => ({
  id: i,
  text: `document ${i}`,
  score: i / 2,
  even: i % 2 === 0,
  day: i % 5 === 0 ? undefined : new Date(Date.UTC(2024, 0, 1 + i)),
  messages: [
    { role: "user", content: `Question ${i}` },
    { role: "assistant", content: `Answer ${i}` },
  ],
});
const withoutNulls = (rows: readonly object[]) =>
  rows.map((one) =>
    Object.fromEntries(Object.entries(one).map(([key, value]) => [key, value === null ? undefined : value])),
  );

test.each(codecs)(
  "what DuckDB writes with codec %s is read back, whole and from its beginning",
  async (codec) => {
    const bytes = await formatFixture(`duckdb-${codec}.parquet`);
    const parquet = await openParquet(inMemory("x", bytes), undefined, "x");
    const rows = (
      await Promise.all(Array.from({ length: parquet.rowGroups }, (_, index) => parquet.readRowGroup(index)))
    ).flat();
    expect(withoutNulls(rows)).toEqual(rows.map((_, index) => row(index)));
    const { head, rows: count, columns } = await readParquetHead(inMemory("x", bytes), 3, "x");
    expect(withoutNulls(head)).toEqual([0, 1, 2].map(row));
    expect(count).toBe(rows.length);
    expect(columns).toEqual([
      { name: "id", type: "int32" },
      { name: "text", type: "string" },
      { name: "score", type: expect.stringMatching(/^(?:double|decimal\(\d+, 1\))$/u) as string },
      { name: "even", type: "boolean" },
      { name: "day", type: "date" },
      { name: "messages", type: "list<struct<role: string, content: string>>" },
    ]);
  },
);

test("the beginning goes on in the next row group, and ends with the file", async () => {
  const bytes = await formatFixture("duckdb-zstd.parquet");
  const two = await readParquetHead(inMemory("x", bytes), 2060, "x");
  expect(two.rowGroups).toBe(2);
  expect(two.head).toHaveLength(2060);
  expect(withoutNulls(two.head.slice(2040))).toEqual(
    Array.from({ length: 20 }, (_, index) => row(2040 + index)),
  );
  expect((await readParquetHead(inMemory("x", bytes), 9999, "x")).head).toHaveLength(2100);
});

test("a row that spans several pages is whole, and no row behind it is read for one before it", async () => {
  const bytes = await formatFixture("small-pages.parquet");
  const { head } = await readParquetHead(inMemory("x", bytes), 3, "x");
  expect(head.map(({ messages }) => (messages as unknown[]).length)).toEqual([2, 3000, 2]);
  expect((head[1]?.messages as unknown[]).at(-1)).toEqual({ role: "user", content: "part 2999" });
});

test("of a large file the beginning costs its footer and the first pages", async () => {
  const bytes = await formatFixture("duckdb-snappy.parquet");
  const footer = bytes.readUInt32LE(bytes.length - 8) + 8;
  // The format allows anything between the last column and the footer.
  const large = Buffer.concat([
    bytes.subarray(0, -footer),
    Buffer.alloc(20_000_000),
    bytes.subarray(-footer),
  ]);
  const file = inMemory("x", large);
  expect((await readParquetHead(file, 2, "x")).head).toHaveLength(2);
  expect(file.bytesRead()).toBeLessThan(600_000);
});

async function failure(bytes: Uint8Array, bounds = PARQUET_BOUNDS): Promise<PipelineError> {
  const thrown = await openParquet(inMemory("x", bytes), undefined, "hf:a/b/x.parquet", bounds)
    .then((parquet) => parquet.readRowGroup(0))
    .catch((error: unknown) => error);
  expect(thrown).toBeInstanceOf(PipelineError);
  return thrown as PipelineError;
}

test("a file that is cut short, no Parquet, or lies about its footer says so and names the file", async () => {
  const bytes = await formatFixture("duckdb-snappy.parquet");
  const long = Buffer.from(bytes);
  long.writeUInt32LE(0x7fffffff, long.length - 8);
  for (const broken of [bytes.subarray(0, -100), Buffer.alloc(500, "y"), Buffer.from("PAR1"), long]) {
    const { code, message } = await failure(broken);
    expect(code).toBe("PARQUET_CORRUPT");
    expect(message).toContain("hf:a/b/x.parquet, footer");
  }
});

test("footers, row groups, pages and values beyond the bounds are refused before memory is taken for them", async () => {
  const bytes = await formatFixture("duckdb-snappy.parquet");
  for (const [bound, where] of [
    [{ maxFooterBytes: 100 }, "footer"],
    [{ maxRowGroupBytes: 1000 }, "row group 0"],
    [{ maxPageBytes: 1000 }, "row group 0: "],
    [{ maxValues: 100 }, "row group 0"],
  ] as const) {
    const { code, message } = await failure(bytes, { ...PARQUET_BOUNDS, ...bound });
    expect(code).toBe("PARQUET_TOO_LARGE");
    expect(message).toContain(where);
  }
});

test("a page that announces more than is there is refused with its column", async () => {
  const bytes = Buffer.from(await formatFixture("duckdb-snappy.parquet"));
  const { row_groups } = parquetMetadata(new Uint8Array(bytes).buffer);
  const at = Number(row_groups[0]?.columns[1]?.meta_data?.data_page_offset);
  // The header's third field, the compressed size, is a zigzag varint behind those of type and uncompressed size.
  expect([bytes[at], bytes[at + 2]]).toEqual([0x15, 0x15]);
  bytes.fill(0xff, at + 3, at + 7); // uncompressed size of 2^27 and more
  const { code, message } = await failure(bytes);
  expect(code).toMatch(/^PARQUET_/u);
  expect(message).toContain("column text");
});

test("whatever bytes are changed, the answer is rows or an error with a code, never another", async () => {
  const bytes = await formatFixture("duckdb-uncompressed.parquet");
  const changes = fc.array(fc.tuple(fc.nat(bytes.length - 1), fc.nat(255)), { minLength: 1, maxLength: 6 });
  await fc.assert(
    fc.asyncProperty(changes, async (changed) => {
      const broken = Buffer.from(bytes);
      for (const [at, value] of changed) broken[at] = value;
      for (const read of [
        () => readParquetHead(inMemory("x", broken), 3, "x"),
        async () => (await openParquet(inMemory("x", broken), undefined, "x")).readRowGroup(0),
      ]) {
        const thrown = await read().then(
          () => undefined,
          (error: unknown) => error,
        );
        if (thrown !== undefined && !(thrown instanceof PipelineError)) throw thrown as Error;
      }
    }),
    { seed: 7, numRuns: 300 },
  );
});
