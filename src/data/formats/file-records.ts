/** The rows of a JSON Lines or Parquet file, one after the other. */
import { readLines } from "../../std/read-lines.ts";
import type { SourceFile } from "../sources/source.ts";
import { decompressed } from "./decompress.ts";
import { fileKind } from "./file-kind.ts";
import { parseRecord } from "./file-texts.ts";
import type { Row } from "./parquet-decode.ts";
import { openParquet } from "./parquet-rows.ts";

export type RecordItem = { readonly row: Row } | { readonly dropped: string; readonly characters: number };

/**
 * All of the file is read. What is no row is an item with the reason. Throws SCHEMA_MISMATCH for a Parquet file without the
 * columns, and what `decompressed` and `openParquet` throw for a file that is broken.
 */
export async function* fileRecords(
  file: SourceFile,
  columns: readonly string[],
  where: string,
): AsyncGenerator<RecordItem> {
  const kind = fileKind(file.path);
  if (kind?.format === "parquet") {
    const { rowGroups, readRowGroup } = await openParquet(file, columns, where);
    for (let group = 0; group < rowGroups; group++)
      for (const row of await readRowGroup(group)) yield { row };
    return;
  }
  let tooLong = 0;
  const bytes = decompressed(file.open(0, file.size), kind?.compression, where);
  for await (const { text, valid } of readLines(bytes, { where, onTooLong: () => tooLong++ })) {
    if (text.trim() === "") continue;
    const row = valid ? parseRecord(text) : undefined;
    if (row !== undefined) yield { row };
    else yield { dropped: valid ? "no JSON object" : "not UTF-8", characters: text.length };
  }
  for (; tooLong > 0; tooLong--) yield { dropped: "line too long", characters: 0 };
}
