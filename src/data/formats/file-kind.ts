/** What a file holds, by its name. */

export interface FileKind {
  readonly format: "parquet" | "jsonl" | "text";
  readonly compression: "gzip" | "zstd" | undefined;
}

export const READABLE_KINDS = ".parquet, .jsonl, .ndjson, .txt and .md, the last four also as .gz or .zst";

const NAME = /\.(?:(parquet)|(?:(jsonl|ndjson)|txt|text|md|markdown)(?:\.(?:(gz|gzip)|(zst|zstd)))?)$/iu;

/** Undefined for what is not read. */
export function fileKind(path: string): FileKind | undefined {
  const match = NAME.exec(path);
  if (match === null) return undefined;
  const [, parquet, lines, gzip, zstd] = match;
  if (parquet !== undefined) return { format: "parquet", compression: undefined };
  return {
    format: lines === undefined ? "text" : "jsonl",
    compression: gzip !== undefined ? "gzip" : zstd !== undefined ? "zstd" : undefined,
  };
}
