/** The lines of a file as it lies there, compressed or not; in the place of one that is too long for the memory stands why it is left out. */
import { readLines, type Line } from "../../std/read-lines.ts";
import type { Dropped } from "../records.ts";
import type { SourceFile } from "../sources/source.ts";
import { decompressed } from "./decompress.ts";
import { fileKind } from "./file-kind.ts";

/** All of the file is read. Throws what `decompressed` throws. */
export async function* fileLines(file: SourceFile, where: string): AsyncGenerator<Line | Dropped> {
  const bytes = decompressed(file.open(0, file.size), fileKind(file.path)?.compression, where);
  let tooLong = 0;
  for await (const line of readLines(bytes, { where, onTooLong: () => tooLong++ })) {
    for (; tooLong > 0; tooLong--) yield lineTooLong;
    yield line;
  }
  for (; tooLong > 0; tooLong--) yield lineTooLong;
}

const lineTooLong: Dropped = { dropped: "line too long", characters: 0 };
