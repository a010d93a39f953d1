/** Rows of a Parquet file, a row group at a time, only the columns asked for, through byte ranges. */
import { parquetMetadataAsync, parquetReadObjects, type AsyncBuffer, type FileMetaData } from "hyparquet";
import { PipelineError } from "../../errors.ts";
import type { SourceFile } from "./source.ts";

export type Row = Readonly<Record<string, unknown>>;

export interface ParquetRows {
  readonly rowGroups: number;
  /** The rows of one group, in file order. Throws PARQUET_CORRUPT. */
  readonly readRowGroup: (index: number) => Promise<Row[]>;
}

/** Reads the footer. Throws PARQUET_CORRUPT, or SCHEMA_MISMATCH where a column is missing. */
export async function openParquet(
  file: SourceFile,
  columns: readonly string[],
  where: string,
): Promise<ParquetRows> {
  const buffer: AsyncBuffer = {
    byteLength: file.size,
    slice: async (start, end = file.size) => {
      const bytes = new Uint8Array(end - start);
      let at = 0;
      for await (const chunk of file.open(start, end)) {
        bytes.set(chunk, at);
        at += chunk.length;
      }
      return bytes.buffer;
    },
  };
  const metadata = await named(where, () => parquetMetadataAsync(buffer));
  requireColumns(metadata, columns, where);
  const starts = [0];
  for (const group of metadata.row_groups) starts.push((starts.at(-1) ?? 0) + Number(group.num_rows));
  return {
    rowGroups: metadata.row_groups.length,
    readRowGroup: (index) =>
      named(where, () =>
        parquetReadObjects({
          file: buffer,
          metadata,
          columns: [...columns],
          rowStart: starts[index] ?? 0,
          rowEnd: starts[index + 1] ?? 0,
        }),
      ),
  };
}

function requireColumns(metadata: FileMetaData, columns: readonly string[], where: string): void {
  const found = topLevelColumns(metadata);
  const missing = columns.filter((column) => !found.includes(column));
  if (missing.length === 0) return;
  throw new PipelineError({
    code: "SCHEMA_MISMATCH",
    message: `${where} has no column ${missing.join(", ")}; it has ${found.join(", ")}.`,
    hint: "This dataset does not have the layout that the recipe's `dataset` names; choose another one.",
    kind: "user",
  });
}

/** The schema is a tree written depth first; its children of the root are the columns. */
function topLevelColumns({ schema }: FileMetaData): string[] {
  const columns: string[] = [];
  let at = 1;
  const skip = (): void => {
    const children = schema[at++]?.num_children ?? 0;
    for (let child = 0; child < children; child++) skip();
  };
  while (at < schema.length) {
    columns.push(schema[at]?.name ?? "");
    skip();
  }
  return columns;
}

async function named<T>(where: string, read: () => Promise<T>): Promise<T> {
  try {
    return await read();
  } catch (cause) {
    if (cause instanceof PipelineError) throw cause;
    throw new PipelineError({
      code: "PARQUET_CORRUPT",
      message: `${where} cannot be read as Parquet: ${cause instanceof Error ? cause.message : String(cause)}.`,
      hint: "Check the file at its source; compression other than none and Snappy is not read.",
      cause,
    });
  }
}
