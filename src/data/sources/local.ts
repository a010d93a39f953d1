/** One's own text: a file or a folder of .txt, .md and .jsonl files, gzipped or not. Every file is digested. */
import { createReadStream } from "node:fs";
import { readdir, stat } from "node:fs/promises";
import { basename, dirname, join, relative, resolve, sep } from "node:path";
import { pipeline, Readable } from "node:stream";
import { createGunzip } from "node:zlib";
import { PipelineError, userError } from "../../errors.ts";
import { digestOf, digestOfFile } from "../../std/digest.ts";
import { readLines } from "../../std/read-lines.ts";
import { cleanText, type TextFault } from "../documents/clean-text.ts";
import type { SourceRecord } from "../documents/manifest.ts";
import type { Source, SourceFile } from "./source.ts";

const READABLE = /\.(?:txt|md|jsonl)(?:\.gz)?$/iu;

/**
 * Files in order of their path. Throws FILE_NOT_FOUND for a path that is not there, FILE_KIND_UNKNOWN for a file of
 * another kind and EMPTY_CORPUS for a folder without a file of these kinds.
 */
export async function openLocal(path: string): Promise<Source> {
  const found = await stat(path).catch(() => undefined);
  if (!found) {
    throw userError(
      "FILE_NOT_FOUND",
      `${path}: there is no such file or folder.`,
      "Correct the path in the recipe; it is taken relative to the folder in which the pipeline runs.",
    );
  }
  if (!found.isDirectory() && !READABLE.test(path)) {
    throw userError(
      "FILE_KIND_UNKNOWN",
      `${path}: text is read from .txt, .md and .jsonl files (also .gz).`,
      "Save it as plain text, and give the path of that file.",
    );
  }
  const root = found.isDirectory() ? path : dirname(path);
  const paths = found.isDirectory() ? await listFiles(path) : [basename(path)];
  if (paths.length === 0) {
    throw userError(
      "EMPTY_CORPUS",
      `${path}: the folder holds no .txt, .md or .jsonl file (also .gz).`,
      "Put text files there, or correct the path in the recipe.",
    );
  }
  const files: NonNullable<SourceRecord["files"]> = [];
  for (const one of paths) {
    const absolute = join(root, one);
    files.push({
      path: one,
      digest: `sha256:${await digestOfFile(absolute)}`,
      bytes: (await stat(absolute)).size,
    });
  }
  const name = `local:${path.split(sep).join("/")}`;
  const revision = revisionOf(files);
  return {
    name,
    revision,
    files: async function* (wanted = () => true) {
      for (const { path: one, bytes } of files) {
        if (!wanted(one)) continue;
        yield await Promise.resolve({ path: one, size: bytes, open: opener(join(root, one)) });
      }
    },
    record: () => ({ name, revision, files }),
  };
}

const opener =
  (path: string): SourceFile["open"] =>
  (start, end) =>
    createReadStream(path, {
      ...(start === undefined ? {} : { start }),
      ...(end === undefined ? {} : { end: end - 1 }),
    }) as AsyncIterable<Uint8Array>;

/** Changes when any file does. */
const revisionOf = (files: NonNullable<SourceRecord["files"]>): string =>
  `sha256:${digestOf(files.map(({ path, digest }) => `${path}\0${digest}\n`).join(""))}`;

async function listFiles(directory: string): Promise<string[]> {
  const entries = await readdir(directory, { recursive: true, withFileTypes: true });
  return entries
    .filter((entry) => entry.isFile() && READABLE.test(entry.name))
    .map((entry) => relative(resolve(directory), resolve(entry.parentPath, entry.name)).split(sep).join("/"))
    .sort();
}

export interface LocalText {
  readonly text: string;
  readonly faults: readonly TextFault[];
}
export type LocalItem = LocalText | { readonly dropped: string; readonly characters: number };

/** A passage of plain text or Markdown ends at a blank line once it has this many characters. */
const PASSAGE_CHARACTERS = 2000;

/** The texts of one file: passages of .txt and .md, the field `text` of each .jsonl line. Throws FILE_CORRUPT for broken gzip. */
export async function* localTexts(file: SourceFile, where: string): AsyncGenerator<LocalItem> {
  const gzipped = /\.gz$/iu.test(file.path);
  const tooLong: number[] = [];
  const lines = readLines(gzipped ? gunzip(file.open(), where) : file.open(), {
    where,
    onTooLong: (line) => tooLong.push(line),
  });
  const items = /\.jsonl(?:\.gz)?$/iu.test(file.path) ? jsonTexts(lines) : passages(lines);
  for await (const item of items) yield item;
  for (const _ of tooLong) yield { dropped: "line too long", characters: 0 };
}

type Lines = ReturnType<typeof readLines>;

async function* passages(lines: Lines): AsyncGenerator<LocalItem> {
  let text = "";
  const faults = new Set<TextFault>();
  for await (const line of lines) {
    const cleaned = cleanText(line.text);
    for (const fault of cleaned.faults) faults.add(fault);
    if (!line.valid) faults.add("invalidUtf8");
    const ends =
      line.text.trim() === "" ? text.length >= PASSAGE_CHARACTERS : text.length >= 4 * PASSAGE_CHARACTERS;
    text += `${cleaned.text}\n`;
    if (!ends) continue;
    if (text.trim() !== "") yield { text: text.trim(), faults: [...faults] };
    text = "";
    faults.clear();
  }
  if (text.trim() !== "") yield { text: text.trim(), faults: [...faults] };
}

async function* jsonTexts(lines: Lines): AsyncGenerator<LocalItem> {
  for await (const line of lines) {
    if (line.text.trim() === "") continue;
    const text = textField(line.text);
    if (text === undefined) {
      yield { dropped: "no field “text”", characters: line.text.length };
      continue;
    }
    const { text: cleaned, faults } = cleanText(text);
    if (cleaned.trim() === "") yield { dropped: "empty", characters: 0 };
    else yield { text: cleaned.trim(), faults: line.valid ? faults : ["invalidUtf8", ...faults] };
  }
}

function textField(line: string): string | undefined {
  try {
    const value: unknown = JSON.parse(line);
    if (typeof value !== "object" || value === null || !("text" in value)) return undefined;
    return typeof value.text === "string" ? value.text : undefined;
  } catch {
    return undefined; // counted as dropped by the caller
  }
}

async function* gunzip(bytes: AsyncIterable<Uint8Array>, where: string): AsyncGenerator<Uint8Array> {
  try {
    const gunzipped = createGunzip();
    pipeline(Readable.from(bytes), gunzipped, () => {
      // An error destroys `gunzipped`, whose iteration below then throws it.
    });
    for await (const chunk of gunzipped as AsyncIterable<Uint8Array>) yield chunk;
  } catch (cause) {
    throw new PipelineError({
      code: "FILE_CORRUPT",
      message: `${where}: not a whole gzip file: ${cause instanceof Error ? cause.message : String(cause)}.`,
      hint: "Make or fetch the file again.",
      cause,
    });
  }
}
