/** The texts that a file holds: passages of plain text and Markdown, one field of every line of JSON Lines or row of Parquet. */
import type { Line } from "../../std/read-lines.ts";
import { cleanText, isOtherEncoding, type TextFault } from "../documents/clean-text.ts";
import type { Dropped } from "../records.ts";
import type { SourceFile } from "../sources/source.ts";
import { fileKind } from "./file-kind.ts";
import { fileLines } from "./file-lines.ts";
import { openParquet } from "./parquet-rows.ts";

export interface FileText {
  readonly text: string;
  readonly faults: readonly TextFault[];
}
export type TextItem = FileText | Dropped;

export interface FileTextsOptions {
  /** Named in errors. */
  readonly where: string;
  /** Where the text is in lines and rows that have fields. */
  readonly field: string;
}

/** A passage of plain text or Markdown ends at a blank line once it has this many characters. */
const PASSAGE_CHARACTERS = 2000;

/**
 * All of the file is read. What is no text is an item with the reason. Throws SCHEMA_MISMATCH for a Parquet file without the field, and what
 * `decompressed` and `openParquet` throw for a file that is broken.
 */
export async function* fileTexts(
  file: SourceFile,
  { where, field }: FileTextsOptions,
): AsyncGenerator<TextItem> {
  const kind = fileKind(file.path);
  if (kind?.format === "parquet") {
    yield* parquetTexts(file, field, where);
    return;
  }
  const lines = fileLines(file, where);
  yield* kind?.format === "jsonl" ? jsonTexts(lines, field) : passages(lines);
}

type Lines = ReturnType<typeof fileLines>;

async function* passages(lines: Lines): AsyncGenerator<TextItem> {
  let text = "";
  const faults = new Set<TextFault>();
  const end = (): TextItem => {
    const item = textItem(text, [...faults]);
    text = "";
    faults.clear();
    return item;
  };
  for await (const line of lines) {
    if ("dropped" in line) {
      yield line;
      continue;
    }
    const cleaned = cleanText(line.text, line.valid);
    for (const fault of cleaned.faults) faults.add(fault);
    const ends =
      line.text.trim() === "" ? text.length >= PASSAGE_CHARACTERS : text.length >= 4 * PASSAGE_CHARACTERS;
    text += `${cleaned.text}\n`;
    if (ends && text.trim() !== "") yield end();
  }
  if (text.trim() !== "") yield end();
}

async function* jsonTexts(lines: Lines, field: string): AsyncGenerator<TextItem> {
  for await (const line of lines) {
    if ("dropped" in line) yield line;
    else if (line.text.trim() !== "") yield jsonItem(line, field);
  }
}

function jsonItem({ text, valid }: Line, field: string): TextItem {
  const value = parseRecord(text);
  if (value === undefined) return { dropped: "no JSON object", characters: text.length };
  return fieldItem(value, field, valid);
}

async function* parquetTexts(file: SourceFile, field: string, where: string): AsyncGenerator<TextItem> {
  const { rowGroups, readRowGroup } = await openParquet(file, [field], where);
  for (let group = 0; group < rowGroups; group++)
    for (const row of await readRowGroup(group)) yield fieldItem(row, field);
}

function fieldItem(record: Readonly<Record<string, unknown>>, field: string, validUtf8?: boolean): TextItem {
  const value = record[field];
  if (typeof value !== "string") return { dropped: `no field “${field}”`, characters: 0 };
  const { text, faults } = cleanText(value, validUtf8);
  return textItem(text, faults);
}

function textItem(cleaned: string, faults: readonly TextFault[]): TextItem {
  const text = cleaned.trim();
  if (text === "") return { dropped: "empty", characters: 0 };
  if (isOtherEncoding(text)) return { dropped: "not UTF-8", characters: text.length };
  return { text, faults };
}

/** The JSON object of a line; undefined for anything else. */
export function parseRecord(line: string): Readonly<Record<string, unknown>> | undefined {
  try {
    const value: unknown = JSON.parse(line);
    return typeof value === "object" && value !== null && !Array.isArray(value)
      ? (value as Record<string, unknown>)
      : undefined;
  } catch {
    return undefined; // told by the caller
  }
}
