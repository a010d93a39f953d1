/** What a source holds, by the beginning of one file: its columns, their types and the first rows. Little else is fetched. */
import { PipelineError, userError } from "../../errors.ts";
import { readLines } from "../../std/read-lines.ts";
import type { Column } from "../formats/column.ts";
import { decompressed } from "../formats/decompress.ts";
import { fileKind, READABLE_KINDS, type FileKind } from "../formats/file-kind.ts";
import { fileTexts, parseRecord } from "../formats/file-texts.ts";
import { readParquetHead } from "../formats/parquet-head.ts";
import { readWhole, type Source, type SourceFile } from "../sources/source.ts";
import { jsonColumns, plainRow, type PlainRow } from "./plain-row.ts";

export interface PeekOptions {
  /** Rows to show. */
  readonly limit: number;
  /** Path of the file to look at, or its beginning; by default the first that holds data. */
  readonly file?: string | undefined;
}

export interface Peek {
  readonly source: string;
  readonly revision: string;
  readonly file: { readonly path: string; readonly bytes: number; readonly digest?: string };
  readonly format: FileKind["format"];
  readonly compression?: "gzip" | "zstd";
  /** Of the whole file, where the format tells. */
  readonly rows?: number;
  readonly rowGroups?: number;
  /** Of Parquet as the schema says; otherwise as the rows shown have them. */
  readonly columns: readonly Column[];
  readonly sample: readonly PlainRow[];
  /** What of the text up to the rows shown a sample would leave out, by reason. */
  readonly dropped?: Readonly<Record<string, number>>;
}

/** What stands beside data and is none. */
const ABOUT =
  /(?:^|\/)(?:readme|licen[cs]e|changelog|changes|history|notice|contributing|authors|security|citation|code_of_conduct)\b[^/]*$/iu;

/** Throws FILE_NOT_FOUND, FILE_KIND_UNKNOWN, and what the source and the format throw. */
export async function peekSource(source: Source, { limit, file: wanted }: PeekOptions): Promise<Peek> {
  const passed: string[] = [];
  const candidates = source.files((path) => {
    const chosen = wanted === undefined ? fileKind(path) && !ABOUT.test(path) : path.startsWith(wanted);
    if (chosen !== true && passed.length < 5) passed.push(path);
    return chosen === true;
  });
  for await (const file of candidates) {
    const kind = fileKind(file.path);
    if (kind === undefined) throw kindUnknown(source.name, file.path);
    const head = await headOf(file, kind, limit, placeOf(source, file));
    return {
      source: source.name,
      revision: source.revision,
      file: {
        path: file.path,
        bytes: file.size,
        ...(file.digest === undefined ? {} : { digest: file.digest }),
      },
      format: kind.format,
      ...(kind.compression === undefined ? {} : { compression: kind.compression }),
      ...head,
    };
  }
  throw nothingToSee(source.name, wanted, passed);
}

/** A source of one file bears its name. */
const placeOf = ({ name }: Source, { path }: SourceFile): string =>
  name.endsWith(`/${path}`) ? name : `${name}/${path}`;

type Head = Pick<Peek, "rows" | "rowGroups" | "columns" | "sample" | "dropped">;

async function headOf(file: SourceFile, kind: FileKind, limit: number, where: string): Promise<Head> {
  if (kind.format === "parquet") {
    const { columns, rows, rowGroups, head } = await readParquetHead(await seekable(file), limit, where);
    return { rows, rowGroups, columns, sample: head.map(plainRow) };
  }
  const sample: PlainRow[] = [];
  const dropped: Record<string, number> = {};
  const rows = kind.format === "jsonl" ? records(file, kind, where) : texts(file, where, dropped);
  if (limit > 0)
    for await (const row of rows) {
      sample.push(row);
      if (sample.length === limit) break;
    }
  return {
    columns: kind.format === "jsonl" ? jsonColumns(sample) : [{ name: "text", type: "string" }],
    sample,
    ...(Object.keys(dropped).length === 0 ? {} : { dropped }),
  };
}

/** Counts in `dropped` what is no text. */
async function* texts(
  file: SourceFile,
  where: string,
  dropped: Record<string, number>,
): AsyncGenerator<PlainRow> {
  const beginning: SourceFile = { ...file, open: (start) => file.open(start) }; // an end would promise to read as far
  for await (const item of fileTexts(beginning, { where, field: "text" }))
    if ("text" in item) yield { text: item.text };
    else dropped[item.dropped] = (dropped[item.dropped] ?? 0) + 1;
}

async function* records(
  file: SourceFile,
  { compression }: FileKind,
  where: string,
): AsyncGenerator<PlainRow> {
  for await (const { text, number } of readLines(decompressed(file.open(), compression, where), { where })) {
    if (text.trim() === "") continue;
    const record = parseRecord(text);
    if (record === undefined) throw noRecord(where, number, text);
    yield plainRow(record);
  }
}

/** A file of an archive is a stream: Parquet is read from its end. Archives bound what one file of theirs may have. */
async function seekable(file: SourceFile): Promise<SourceFile> {
  if (file.streamed !== true) return file;
  const bytes = await readWhole(file);
  return {
    ...file,
    open: async function* (start = 0, end = bytes.length) {
      yield await Promise.resolve(bytes.subarray(start, end));
    },
  };
}

const noRecord = (where: string, line: number, text: string): PipelineError =>
  new PipelineError({
    code: "JSONL_SYNTAX",
    message: `${where}:${line}: no JSON object: ${JSON.stringify(text.slice(0, 80))}`,
    hint: "Every line of JSON Lines holds one whole object. Look at another file with --file.",
  });

const kindUnknown = (source: string, path: string): PipelineError =>
  userError(
    "FILE_KIND_UNKNOWN",
    `${source}/${path}: files that are read are ${READABLE_KINDS}.`,
    "Name another with --file.",
  );

function nothingToSee(source: string, wanted: string | undefined, passed: readonly string[]): PipelineError {
  const there = passed.length === 0 ? "It has no files." : `It has ${passed.join(", ")}.`;
  return userError(
    "FILE_NOT_FOUND",
    wanted === undefined
      ? `${source} has no file that is read (${READABLE_KINDS}). ${there}`
      : `${source} has no file whose path begins with ${JSON.stringify(wanted)}. ${there}`,
    wanted === undefined
      ? "Turn its files into one of these kinds; a README or a license is shown where --file names it."
      : "Name the beginning of a path with --file.",
  );
}
