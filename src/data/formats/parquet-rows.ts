/**
 * Rows of a Parquet file through byte ranges: a row group at a time, only the columns asked for, or just its beginning.
 * Pages without compression, with Snappy, gzip or Zstandard.
 */
import { parquetMetadata, type ColumnMetaData, type FileMetaData } from "hyparquet";
import { PipelineError } from "../../errors.ts";
import type { SourceFile } from "../sources/source.ts";
import {
  BoundExceeded,
  checkRowCount,
  checkRowGroup,
  chunkRange,
  footerBytes,
  leavesOf,
  PARQUET_BOUNDS,
  wholePages,
  type ParquetBounds,
} from "./parquet-bounds.ts";
import { decodeRows, type ColumnPages, type Row } from "./parquet-decode.ts";
import { topLevelColumns } from "./parquet-schema.ts";
import { endOfStruct } from "./thrift-bounds.ts";

export interface RowGroups {
  readonly rowGroups: number;
  /** The rows of one group, in file order. Throws PARQUET_CORRUPT, or PARQUET_TOO_LARGE for what is beyond the bounds. */
  readonly readRowGroup: (index: number) => Promise<readonly Row[]>;
}

/** One request fetches the footers of most files. */
const TAIL_BYTES = 512 * 1024;

/**
 * Reads the footer. `columns`: undefined for all. Throws PARQUET_CORRUPT, PARQUET_TOO_LARGE, or SCHEMA_MISMATCH where a
 * column is missing.
 */
export async function openParquet(
  file: SourceFile,
  columns: readonly string[] | undefined,
  where: string,
  bounds: ParquetBounds = PARQUET_BOUNDS,
): Promise<RowGroups> {
  const metadata = await readParquetFooter(file, where, bounds);
  const names = topLevelColumns(metadata).map(({ name }) => name);
  if (columns !== undefined) requireColumns(names, columns, where);
  const wanted = columns ?? names;
  return {
    rowGroups: metadata.row_groups.length,
    readRowGroup: (index) =>
      named(`${where}, row group ${index}`, async () => {
        const group = metadata.row_groups[index];
        if (group === undefined)
          throw new RangeError(`the file has ${metadata.row_groups.length} row groups`);
        const leaves = leavesOf(group, wanted);
        checkRowGroup(group, leaves, file.size, bounds);
        const pages = await readChunks(file, leaves, bounds);
        const { rows, begun } = await decodeRows(metadata, pages, Number(group.num_rows));
        const other = begun.find((count) => count !== rows.length);
        if (other !== undefined)
          throw new RangeError(`a column has ${other} rows, the row group is said to have ${rows.length}`);
        return rows;
      }),
  };
}

/** Throws PARQUET_CORRUPT or PARQUET_TOO_LARGE. */
export const readParquetFooter = (
  file: SourceFile,
  where: string,
  bounds: ParquetBounds = PARQUET_BOUNDS,
): Promise<FileMetaData> =>
  named(`${where}, footer`, async () => {
    if (file.size < 12) throw new RangeError(`the file has ${file.size} bytes`);
    let tail = await readRange(file, Math.max(0, file.size - TAIL_BYTES), file.size);
    const length = footerBytes(tail, file.size, bounds) + 8;
    if (length > tail.length) tail = await readRange(file, file.size - length, file.size);
    const footer = tail.subarray(tail.length - length);
    endOfStruct(footer.subarray(0, -8), 0);
    const metadata = parquetMetadata(footer);
    checkRowCount(metadata);
    return metadata;
  });

/** Columns that lie together are fetched together, up to this many bytes, with gaps of so many between them. */
const TOGETHER_BYTES = 8 * 1024 * 1024;
const GAP_BYTES = 8 * 1024;

async function readChunks(
  file: SourceFile,
  leaves: readonly ColumnMetaData[],
  bounds: ParquetBounds,
): Promise<ColumnPages[]> {
  const runs: { start: number; end: number; columns: ColumnMetaData[] }[] = [];
  for (const column of leaves.toSorted((a, b) => chunkRange(a).start - chunkRange(b).start)) {
    const { start, end } = chunkRange(column);
    const run = runs.at(-1);
    if (run && start >= run.end && start - run.end <= GAP_BYTES && end - run.start <= TOGETHER_BYTES) {
      run.end = end;
      run.columns.push(column);
    } else runs.push({ start, end, columns: [column] });
  }
  const read = await Promise.all(
    runs.map(async ({ start, end, columns }) => {
      const bytes = await readRange(file, start, end);
      return columns.map((column): ColumnPages => {
        const chunk = chunkRange(column);
        const own = bytes.subarray(chunk.start - start, chunk.end - start);
        for (const page of wholePages(own, column, bounds)) if (page.end === own.length) break; // for its errors
        return { column, bytes: own };
      });
    }),
  );
  return read.flat();
}

export async function readRange(
  file: SourceFile,
  start: number,
  end: number,
): Promise<Uint8Array<ArrayBuffer>> {
  const bytes = new Uint8Array(end - start);
  let at = 0;
  for await (const chunk of file.open(start, end)) {
    bytes.set(chunk, at);
    at += chunk.length;
  }
  if (at < bytes.length) throw new RangeError(`the file ends at byte ${start + at}, before ${end}`);
  return bytes;
}

function requireColumns(found: readonly string[], columns: readonly string[], where: string): void {
  const missing = columns.filter((column) => !found.includes(column));
  if (missing.length === 0) return;
  throw new PipelineError({
    code: "SCHEMA_MISMATCH",
    message: `${where} has no column ${missing.join(", ")}; it has ${found.join(", ")}.`,
    hint: "The file does not have the layout that the recipe's source names. Look at it with: npx pipeline peek",
    kind: "user",
  });
}

/** Errors of reading, with the place. */
export async function named<T>(where: string, read: () => T | Promise<T>): Promise<T> {
  try {
    return await read();
  } catch (cause) {
    if (cause instanceof PipelineError) throw cause;
    const message = cause instanceof Error ? cause.message : String(cause);
    if (cause instanceof BoundExceeded) {
      throw new PipelineError({
        code: "PARQUET_TOO_LARGE",
        message: `${where}: ${message}.`,
        hint: "Write the file again with smaller row groups or pages. Of a file that is not yours, beware.",
        cause,
      });
    }
    throw new PipelineError({
      code: "PARQUET_CORRUPT",
      message: `${where} cannot be read as Parquet: ${message}.`,
      hint: "Check the file at its source, and fetch or make it again.",
      cause,
    });
  }
}
