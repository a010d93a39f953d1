/**
 * The order in which row groups of many large files are read when only a part of them is wanted: files in random
 * order, and in every round one random unread row group of each. So no sample is a prefix of files that are sorted by
 * quality or subject, and every file gives about equally much. Opens a file only when its turn comes.
 */
import type { Random } from "../random.ts";
import type { ParquetRows, Row } from "../sources/parquet-rows.ts";

export interface DrawnRowGroup {
  readonly path: string;
  readonly rows: readonly Row[];
}

export interface RowGroupFile {
  readonly path: string;
  readonly openRows: () => Promise<ParquetRows>;
}

/** Ends when every row group has been drawn. Memory: one row group and one number per row group not yet drawn. */
export async function* drawRowGroups(
  files: readonly RowGroupFile[],
  random: Random,
): AsyncGenerator<DrawnRowGroup> {
  interface Opened {
    readonly path: string;
    readonly parquet: ParquetRows;
    readonly unread: number[];
  }
  const order = random.fork("files").shuffle([...files]);
  let open: Opened[] = [];
  for (const { path, openRows } of order) {
    const parquet = await openRows();
    const unread = random
      .fork(`row groups ${path}`)
      .shuffle(Array.from({ length: parquet.rowGroups }, (_, i) => i));
    const first = unread.pop();
    if (first === undefined) continue;
    yield {
      path,
      rows: random.fork(`rows ${path} ${first}`).shuffle([...(await parquet.readRowGroup(first))]),
    };
    open.push({ path, parquet, unread });
  }
  while (open.length > 0) {
    for (const { path, parquet, unread } of open) {
      const next = unread.pop();
      if (next === undefined) continue;
      yield {
        path,
        rows: random.fork(`rows ${path} ${next}`).shuffle([...(await parquet.readRowGroup(next))]),
      };
    }
    open = open.filter(({ unread }) => unread.length > 0);
  }
}
