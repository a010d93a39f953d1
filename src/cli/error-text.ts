/** An error as a person reads it: code, message (with the offending lines it may hold), hint; never a stack unless asked. */
import type { SerializedError } from "../errors.ts";
import type { Paint } from "./paint.ts";

export interface ErrorTextOptions {
  readonly paint: Paint;
  /** Show the stack of every error. An unexpected one, a bug, shows it always. */
  readonly verbose: boolean;
}

export function errorText(error: SerializedError, { paint, verbose }: ErrorTextOptions): string {
  const unexpected = error.code === "UNEXPECTED";
  const [first = "", ...rest] = error.message.split("\n");
  const stack = verbose || unexpected ? stackLines(error) : [];
  return [
    `${paint("red", "error")} ${paint("bold", error.code)}: ${first}`,
    ...rest.map((line) => `  ${line}`),
    ...(error.hint === undefined ? [] : [`${paint("cyan", "hint:")} ${error.hint}`]),
    ...(unexpected
      ? [
          `${paint("cyan", "hint:")} this is a bug of the pipeline or of a stage; please report it with the lines below`,
        ]
      : []),
    ...stack.map((line) => paint("dim", line)),
  ].join("\n");
}

/** Without the line that repeats the message. */
function stackLines({ stack }: SerializedError): readonly string[] {
  if (stack === undefined) return [];
  const frames = stack.split("\n").filter((line) => /^\s+at /.test(line));
  return frames.map((line) => `  ${line.trim()}`);
}
