/** The first rows of a Parquet file: of each column no more pages than they take, however large its row groups are. */
import { type ColumnMetaData, type FileMetaData, type RowGroup } from "hyparquet";
import type { SourceFile } from "../sources/source.ts";
import {
  checkPlaces,
  chunkRange,
  leavesOf,
  PARQUET_BOUNDS,
  wholePages,
  type ParquetBounds,
} from "./parquet-bounds.ts";
import { decodeRows, type ColumnPages, type Row } from "./parquet-decode.ts";
import { named, readParquetFooter, readRange } from "./parquet-rows.ts";
import { topLevelColumns } from "./parquet-schema.ts";
import type { Column } from "./column.ts";

export interface ParquetHead {
  readonly columns: readonly Column[];
  /** Of the whole file. */
  readonly rows: number;
  readonly rowGroups: number;
  readonly head: readonly Row[];
}

/** What is fetched of a column at first; more where its first page is larger. */
const FIRST_BYTES = 64 * 1024;

/** Throws PARQUET_CORRUPT or PARQUET_TOO_LARGE. */
export async function readParquetHead(
  file: SourceFile,
  limit: number,
  where: string,
  bounds: ParquetBounds = PARQUET_BOUNDS,
): Promise<ParquetHead> {
  const metadata = await readParquetFooter(file, where, bounds);
  const columns = topLevelColumns(metadata);
  const head: Row[] = [];
  for (const [index, group] of metadata.row_groups.entries()) {
    const count = Math.min(limit - head.length, Number(group.num_rows));
    if (limit === head.length) break;
    await named(`${where}, row group ${index}`, async () => {
      const values = await Promise.all(
        columns.map(({ name }) => headOfColumn(file, { metadata, group, name, count, bounds })),
      );
      for (let row = 0; row < count; row++)
        head.push(Object.fromEntries(columns.map(({ name }, column) => [name, values[column]?.[row]])));
    });
  }
  return { columns, rows: Number(metadata.num_rows), rowGroups: metadata.row_groups.length, head };
}

interface ColumnHead {
  readonly metadata: FileMetaData;
  readonly group: RowGroup;
  readonly name: string;
  /** Rows that are wanted. */
  readonly count: number;
  readonly bounds: ParquetBounds;
}

async function headOfColumn(
  file: SourceFile,
  { metadata, group, name, count, bounds }: ColumnHead,
): Promise<readonly unknown[]> {
  const columns = leavesOf(group, [name]);
  checkPlaces(group, columns, file.size);
  const leaves = columns.map((column) => new LeafHead(file, column, bounds));
  for (let pages = 1; ; pages *= 2) {
    for (const leaf of leaves) await leaf.take(pages);
    const { rows, begun } = await decodeRows(metadata, leaves, count);
    // A row may go on in the next page: it is whole where another follows it, or nothing does.
    if (leaves.every((leaf) => leaf.complete) || Math.min(...begun) > count)
      return rows.map((row) => row[name]);
  }
}

/** The first pages of a leaf column in one row group. */
class LeafHead implements ColumnPages {
  readonly column: ColumnMetaData;
  readonly #file: SourceFile;
  readonly #bounds: ParquetBounds;
  #fetched: Uint8Array = new Uint8Array();
  #end = 0;

  constructor(file: SourceFile, column: ColumnMetaData, bounds: ParquetBounds) {
    this.#file = file;
    this.column = column;
    this.#bounds = bounds;
  }

  /** The pages that were asked for, whole. */
  get bytes(): Uint8Array {
    return this.#fetched.subarray(0, this.#end);
  }

  /** Whether these are all pages. */
  get complete(): boolean {
    return this.#end === this.#size;
  }

  get #size(): number {
    const { start, end } = chunkRange(this.column);
    return end - start;
  }

  /** As many pages of values, and a dictionary before them, or all there are. */
  async take(count: number): Promise<void> {
    for (;;) {
      let pages = 0;
      this.#end = 0;
      for (const { header, end } of wholePages(this.#fetched, this.column, this.#bounds)) {
        this.#end = end;
        if (header.dictionary_page_header === undefined && ++pages === count) return;
      }
      if (this.complete) return;
      if (this.#fetched.length === this.#size) throw new RangeError("the last page of a column is cut short");
      await this.#fetchMore();
    }
  }

  async #fetchMore(): Promise<void> {
    const { start } = chunkRange(this.column);
    const have = this.#fetched.length;
    const length = Math.min(this.#size, Math.max(FIRST_BYTES, have * 4));
    this.#fetched = Buffer.concat([this.#fetched, await readRange(this.#file, start + have, start + length)]);
  }
}
