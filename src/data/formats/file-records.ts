/** The rows of a JSON Lines or Parquet file, one after the other. */
import type { Line } from "../../std/read-lines.ts";
import type { Dropped } from "../records.ts";
import type { SourceFile } from "../sources/source.ts";
import { fileKind } from "./file-kind.ts";
import { fileLines } from "./file-lines.ts";
import { parseRecord } from "./file-texts.ts";
import type { Row } from "./parquet-decode.ts";
import { openParquet } from "./parquet-rows.ts";

export type RecordItem = { readonly row: Row } | Dropped;

/**
 * All of the file is read. What is no row is an item with the reason. Throws SCHEMA_MISMATCH for a Parquet file without the
 * columns, and what `decompressed` and `openParquet` throw for a file that is broken.
 */
export async function* fileRecords(
  file: SourceFile,
  columns: readonly string[],
  where: string,
): AsyncGenerator<RecordItem> {
  if (fileKind(file.path)?.format === "parquet") {
    const { rowGroups, readRowGroup } = await openParquet(file, columns, where);
    for (let group = 0; group < rowGroups; group++)
      for (const row of await readRowGroup(group)) yield { row };
    return;
  }
  for await (const line of fileLines(file, where)) {
    if ("dropped" in line) yield line;
    else if (line.text.trim() !== "") yield recordItem(line);
  }
}

function recordItem({ text, valid }: Line): RecordItem {
  const row = valid ? parseRecord(text) : undefined;
  if (row !== undefined) return { row };
  return { dropped: valid ? "no JSON object" : "not UTF-8", characters: text.length };
}
