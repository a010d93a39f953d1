/**
 * What a Parquet file announces is held against bounds before memory is taken for it: footers, column chunks and pages
 * come from outside, and a few bytes can announce gigabytes. Layout: https://parquet.apache.org/docs/file-format/
 */
import type { ColumnMetaData, FileMetaData, PageHeader, RowGroup } from "hyparquet";
import { parquetHeader } from "hyparquet/src/column.js";
import { endOfStruct } from "./thrift-bounds.ts";

export interface ParquetBounds {
  /** Bytes of the footer; its objects in memory take about ten times as many. */
  readonly maxFooterBytes: number;
  /** Bytes of one row group's columns that are read, uncompressed: they are in memory at once. */
  readonly maxRowGroupBytes: number;
  /** Bytes of one page, uncompressed. */
  readonly maxPageBytes: number;
  /** Values of one column chunk; a run of equal ones takes no space in the file. */
  readonly maxValues: number;
}

export const PARQUET_BOUNDS: ParquetBounds = {
  maxFooterBytes: 64 * 1024 ** 2,
  maxRowGroupBytes: 1024 ** 3,
  maxPageBytes: 256 * 1024 ** 2,
  maxValues: 2 ** 26,
};

/** What is announced is more than this reader takes; the other RangeErrors say that it cannot be true. */
export class BoundExceeded extends RangeError {}

function within(count: number, bound: number, what: string): number {
  if (count <= bound) return count;
  throw new BoundExceeded(`${count} ${what}; at most ${bound} are read`);
}

/** Magic at both ends, and the length of the footer. */
const FRAME_BYTES = 12;

/** Bytes of a file from `start` up to, not including, `end`. */
export interface ByteRange {
  readonly start: number;
  readonly end: number;
}

/** `tail`: the last bytes of the file, eight at least. Throws RangeError for what is no footer. */
export function footerBytes(tail: Uint8Array, fileSize: number, bounds: ParquetBounds): number {
  const magic = String.fromCharCode(...tail.subarray(-4));
  if (magic === "PARE") throw new RangeError("it is encrypted");
  if (magic !== "PAR1")
    throw new RangeError("it does not end with PAR1: it is no Parquet file, or cut short");
  const length = new DataView(tail.buffer, tail.byteOffset + tail.length - 8, 4).getUint32(0, true);
  if (length > fileSize - FRAME_BYTES)
    throw new RangeError(`its footer is said to have ${length} bytes, the file has ${fileSize}`);
  return within(length, bounds.maxFooterBytes, "bytes of footer");
}

/** Throws RangeError for a row group that does not fit into the file or exceeds the bounds. */
export function checkRowGroup(
  group: RowGroup,
  columns: readonly ColumnMetaData[],
  fileSize: number,
  bounds: ParquetBounds,
): void {
  checkPlaces(group, columns, fileSize);
  within(Number(group.num_rows), bounds.maxValues, "rows");
  const bytes = columns.map((column) =>
    Math.max(Number(column.total_compressed_size), Number(column.total_uncompressed_size)),
  );
  within(
    bytes.reduce((sum, size) => sum + size, 0),
    bounds.maxRowGroupBytes,
    "bytes in the columns that are read",
  );
  for (const { num_values, path_in_schema } of columns)
    within(Number(num_values), bounds.maxValues, `values of column ${path_in_schema.join(".")}`);
}

/** Throws RangeError for columns that are said to be where the file has none. */
export function checkPlaces(group: RowGroup, columns: readonly ColumnMetaData[], fileSize: number): void {
  if (!(Number(group.num_rows) >= 0)) throw new RangeError(`it is said to have ${group.num_rows} rows`);
  for (const column of columns) {
    const path = column.path_in_schema.join(".");
    const { start, end } = chunkRange(column);
    if (!(start >= 4 && start <= end && end <= fileSize - 8))
      throw new RangeError(`column ${path} is said to be at bytes ${start} to ${end} of ${fileSize}`);
    if (!(column.num_values >= 0n))
      throw new RangeError(`column ${path} is said to have ${column.num_values} values`);
  }
}

/** Where the pages of a column chunk are. */
export function chunkRange(column: ColumnMetaData): ByteRange {
  const start = Number(column.dictionary_page_offset || column.data_page_offset); // 0 is said where there is none
  return { start, end: start + Number(column.total_compressed_size) };
}

export interface Page {
  readonly header: PageHeader;
  /** Where it ends in the column chunk. */
  readonly end: number;
}

/**
 * The pages of a column chunk of which `bytes` are the beginning, as far as they are whole. Throws RangeError for a page that
 * does not fit into the chunk or exceeds the bounds.
 */
export function* wholePages(
  bytes: Uint8Array,
  column: ColumnMetaData,
  bounds: ParquetBounds,
): Generator<Page> {
  const { start: chunkStart, end: chunkEnd } = chunkRange(column);
  const path = column.path_in_schema.join(".");
  let values = 0;
  let total = 0;
  for (let at = 0; at < chunkEnd - chunkStart;) {
    const where = `page at byte ${chunkStart + at}, column ${path}`;
    const header = pageHeader(bytes, at, chunkEnd - chunkStart, where);
    if (header === undefined) return;
    const { compressed_page_size: packed, uncompressed_page_size: unpacked } = header.value;
    const end = header.end + packed;
    if (!(packed >= 0 && end <= chunkEnd - chunkStart))
      throw new RangeError(`${where}: it is said to have ${packed} bytes, more than the column has left`);
    if (!(unpacked >= 0)) throw new RangeError(`${where}: it is said to have ${unpacked} bytes uncompressed`);
    within(unpacked, bounds.maxPageBytes, `bytes in the ${where}`);
    total += unpacked;
    within(total, bounds.maxRowGroupBytes, `bytes up to the ${where}`); // whatever the footer says
    values += valuesOf(header.value, unpacked, where);
    within(values, bounds.maxValues, `values up to the ${where}`);
    if (values > Number(column.num_values))
      throw new RangeError(`${where}: its pages have ${values} values, the column ${column.num_values}`);
    if (end > bytes.length) return;
    yield { header: header.value, end };
    at = end;
  }
}

/** Undefined where the header goes on beyond the bytes that are at hand. */
function pageHeader(
  bytes: Uint8Array,
  at: number,
  chunkBytes: number,
  where: string,
): { readonly value: PageHeader; readonly end: number } | undefined {
  try {
    const end = endOfStruct(bytes, at);
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
    return { value: parquetHeader({ view, offset: at }), end };
  } catch (cause) {
    if (bytes.length < chunkBytes) return undefined;
    throw new RangeError(`${where}: ${cause instanceof Error ? cause.message : String(cause)}`, { cause });
  }
}

/** How many values of the column the page holds; a dictionary's are none of its own, and have some bytes each. */
function valuesOf(header: PageHeader, unpackedBytes: number, where: string): number {
  const page = header.data_page_header_v2 ?? header.data_page_header ?? header.dictionary_page_header;
  const values = page?.num_values ?? 0;
  if (!(values >= 0)) throw new RangeError(`${where}: it is said to have ${values} values`);
  const nulls = header.data_page_header_v2?.num_nulls ?? 0;
  if (!(nulls >= 0 && nulls <= values))
    throw new RangeError(`${where}: ${nulls} of ${values} values are null`);
  if (header.dictionary_page_header === undefined) return values;
  if (values > unpackedBytes * 8)
    throw new RangeError(`${where}: ${values} values in ${unpackedBytes} bytes`);
  return 0;
}

/** Leaf columns below the top-level columns of those names. */
export const leavesOf = (group: RowGroup, columns: readonly string[]): ColumnMetaData[] =>
  group.columns.flatMap(({ meta_data }) =>
    meta_data !== undefined && columns.includes(meta_data.path_in_schema[0] ?? "") ? [meta_data] : [],
  );

/** What a footer's objects can be trusted with: counts that add up to safe numbers. Throws RangeError. */
export function checkRowCount({ row_groups, num_rows }: FileMetaData): void {
  const rows = row_groups.reduce((sum, group) => sum + Number(group.num_rows), 0);
  if (rows !== Number(num_rows))
    throw new RangeError(`its row groups have ${rows} rows, the file is said to have ${num_rows}`);
}
