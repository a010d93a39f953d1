/** Where a config value was written, and how to show that place to a person. */
import { LineCounter } from "yaml";

/** A file, or a command-line option that stands for one line. */
export interface ConfigSource {
  /** `configs/tiny.yaml` or `--set`. */
  readonly name: string;
  readonly text: string;
}

export interface Origin {
  readonly source: ConfigSource;
  /** Offsets into the source's text, in UTF-16 units. */
  readonly start: number;
  readonly end: number;
}

export interface Position {
  /** Both from 1. */
  readonly line: number;
  readonly column: number;
}

export function positionOf({ source, start }: Origin): Position {
  const counter = new LineCounter();
  counter.addNewLine(0);
  for (let at = source.text.indexOf("\n"); at !== -1; at = source.text.indexOf("\n", at + 1))
    counter.addNewLine(at + 1);
  const { line, col } = counter.linePos(Math.min(start, source.text.length));
  return { line, column: col };
}

/**
 *     configs/tiny.yaml:3:5: message
 *       2 | pretrain:
 *     > 3 |     stepz: 4
 *         |     ^^^^^
 *       4 | sft:
 */
export function showAt(origin: Origin, message: string): string {
  const { source, start, end } = origin;
  const { line, column } = positionOf(origin);
  const lines = source.text.split("\n").map((text) => text.replace(/\r$/, "").replaceAll("\t", " "));
  const width = String(Math.min(line + 1, lines.length)).length;
  const numbered = (number: number, mark: string): string[] => {
    const text = lines[number - 1];
    if (text === undefined || (number > line && text === "")) return [];
    return [`${mark} ${String(number).padStart(width)} | ${text}`.trimEnd()];
  };
  const room = Math.max(1, (lines[line - 1]?.length ?? 0) - column + 1);
  const caret = "^".repeat(Math.max(1, Math.min(end - start, room)));
  return [
    `${source.name}:${line}:${column}: ${message}`,
    ...numbered(line - 1, " "),
    ...numbered(line, ">"),
    `  ${" ".repeat(width)} | ${" ".repeat(column - 1)}${caret}`,
    ...numbered(line + 1, " "),
  ].join("\n");
}
