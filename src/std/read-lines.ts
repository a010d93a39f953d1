/**
 * Lines of a byte stream with a bound on their length, so that one line of 500 MB cannot take the memory.
 * Splits at \n, drops a \r before it and a byte order mark; does not parse.
 */
import { isUtf8 } from "node:buffer";
import { PipelineError } from "../errors.ts";

export interface Line {
  /** UTF-8 decoded; invalid bytes are U+FFFD. */
  readonly text: string;
  /** Whether every byte was valid UTF-8. */
  readonly valid: boolean;
  /** Counted from 1. */
  readonly number: number;
}

export interface ReadLinesOptions {
  /** Named in errors, e.g. the file's path. */
  readonly where: string;
  /** Default 64 MiB. */
  readonly maxLineBytes?: number;
  /** Called for a line over the bound, which is then left out. Without it such a line is an error. */
  readonly onTooLong?: (lineNumber: number) => void;
}

export const DEFAULT_MAX_LINE_BYTES = 64 * 1024 * 1024;
const NEWLINE = 10;

/** Throws LINE_TOO_LONG unless `onTooLong` is given. */
export async function* readLines(
  bytes: AsyncIterable<Uint8Array>,
  { where, maxLineBytes = DEFAULT_MAX_LINE_BYTES, onTooLong }: ReadLinesOptions,
): AsyncGenerator<Line> {
  let parts: Uint8Array[] = [];
  let length = 0;
  let number = 1;

  const add = (part: Uint8Array): void => {
    length += part.length;
    if (length <= maxLineBytes) parts.push(part);
    else if (onTooLong) parts = [];
    else throw lineTooLong(where, number, maxLineBytes);
  };
  const finish = (): Line | undefined => {
    const line = length <= maxLineBytes ? decode(parts, number) : undefined;
    if (!line) onTooLong?.(number);
    parts = [];
    length = 0;
    number++;
    return line;
  };

  for await (const chunk of bytes) {
    let start = 0;
    for (let end = chunk.indexOf(NEWLINE); end >= 0; end = chunk.indexOf(NEWLINE, start)) {
      add(chunk.subarray(start, end));
      start = end + 1;
      const line = finish();
      if (line) yield line;
    }
    if (start < chunk.length) add(chunk.slice(start)); // a copy: the stream may reuse its buffer
  }
  if (length > 0) {
    const line = finish();
    if (line) yield line;
  }
}

function decode(parts: readonly Uint8Array[], number: number): Line {
  const bytes = Buffer.concat(parts);
  let text = bytes.toString("utf8");
  if (number === 1 && text.startsWith("\uFEFF")) text = text.slice(1);
  return { text: text.endsWith("\r") ? text.slice(0, -1) : text, valid: isUtf8(bytes), number };
}

function lineTooLong(where: string, number: number, maxLineBytes: number): PipelineError {
  return new PipelineError({
    code: "LINE_TOO_LONG",
    message: `${where}:${number}: the line is longer than ${maxLineBytes} bytes.`,
    hint: "Check that the file is JSON Lines: one record a line.",
  });
}
