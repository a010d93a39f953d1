/**
 * Rows out of the pages of some columns of one row group, which are in memory. What was fetched is laid out as a file of its
 * own, so that reading it takes no more and no other bytes.
 */
import { gunzipSync } from "node:zlib";
import { decompress as unzstd } from "fzstd";
import {
  parquetRead,
  parquetSchema,
  type ColumnMetaData,
  type Compressors,
  type FileMetaData,
} from "hyparquet";

export type Row = Readonly<Record<string, unknown>>;

export interface ColumnPages {
  readonly column: ColumnMetaData;
  /** Whole pages, checked against the bounds. */
  readonly bytes: Uint8Array;
}

export interface DecodedRows {
  readonly rows: readonly Row[];
  /** How many rows each leaf column has begun; the last may go on in a page that is not there. */
  readonly begun: readonly number[];
}

const COMPRESSORS: Compressors = {
  GZIP: (input, outputLength) => gunzipSync(input, { maxOutputLength: Math.max(1, outputLength) }),
  ZSTD: (input, outputLength) => unzstd(input, new Uint8Array(outputLength)),
};

/** The first `count` rows with the top-level columns to which `leaves` belong. Throws what the decoder throws. */
export async function decodeRows(
  metadata: FileMetaData,
  leaves: readonly ColumnPages[],
  count: number,
): Promise<DecodedRows> {
  const bytes = Buffer.concat(leaves.map((leaf) => leaf.bytes));
  let at = 0n;
  const columns = leaves.map(({ column, bytes: { length } }) => {
    requirePath(metadata, column.path_in_schema);
    const placed = { ...column, data_page_offset: at, total_compressed_size: BigInt(length) };
    delete placed.dictionary_page_offset; // a dictionary is known by its page's header
    at += BigInt(length);
    return { file_offset: 0n, meta_data: placed };
  });
  const begun = new Map(leaves.map(({ column }) => [column.path_in_schema.join("."), 0]));
  let rows: readonly Row[] = [];
  await parquetRead({
    file: {
      byteLength: bytes.length,
      slice: (start, end) => new Uint8Array(bytes.subarray(start, end)).buffer,
    },
    metadata: {
      ...metadata,
      row_groups: [{ columns, num_rows: BigInt(count), total_byte_size: BigInt(bytes.length) }],
    },
    columns: [...new Set(leaves.map(({ column }) => column.path_in_schema[0] ?? ""))],
    rowEnd: count,
    compressors: COMPRESSORS,
    rowFormat: "object",
    onPage: ({ pathInSchema, rowEnd }) => begun.set(pathInSchema.join("."), rowEnd),
    onComplete: (read: Row[]) => (rows = read),
  });
  return { rows, begun: [...begun.values()] };
}

/** The decoder starts on all columns before it finds that one is in no schema: that is found out here. */
function requirePath(metadata: FileMetaData, path: readonly string[]): void {
  let node = parquetSchema(metadata);
  for (const name of path) {
    const child = node.children.find(({ element }) => element.name === name);
    if (child === undefined) throw new RangeError(`column ${path.join(".")} is not in its schema`);
    node = child;
  }
}
