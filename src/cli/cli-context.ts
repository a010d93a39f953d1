/** What every command gets: where it runs, where it writes, how it opens the project. No command touches `process`. */
import type { Host, Session } from "../runner/session-types.ts";
import type { Paint } from "./paint.ts";
import type { TextGenerators } from "./text-generator.ts";

/** A terminal, a pipe or a file; `process.stdout` is one. */
export interface OutputStream extends NodeJS.WritableStream {
  readonly isTTY?: boolean;
  readonly columns?: number;
  readonly rows?: number;
}

export interface CliStreams {
  readonly stdin: NodeJS.ReadableStream & { readonly isTTY?: boolean };
  readonly stdout: OutputStream;
  readonly stderr: OutputStream;
}

export interface CliContext {
  readonly host: Host;
  /** What stands behind the program's name. */
  readonly commandLine: readonly string[];
  readonly streams: CliStreams;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Where the user stands; relative paths on the command line start here. */
  readonly workingDirectory: string;
  readonly verbose: boolean;
  /** For standard output. */
  readonly paint: Paint;
  /** For standard error. */
  readonly errorPaint: Paint;
  readonly textGenerators: TextGenerators;
}

/** Options that say which recipe a command means. */
export interface RecipeOptions {
  readonly config?: string;
  readonly set: readonly string[];
}

/** Data and answers: standard output, with a line end. */
export function print({ streams }: CliContext, text: string): void {
  streams.stdout.write(`${text}\n`);
}

/** One JSON document on one line: standard output. */
export function printJson(context: CliContext, value: unknown): void {
  print(context, JSON.stringify(value));
}

/** What a person is told beside the data: standard error. */
export function note({ streams }: CliContext, text: string): void {
  streams.stderr.write(`${text}\n`);
}

/** The width that text is laid out for; a pipe gets lines long enough for anything but a novel. */
export function columnsOf({ isTTY, columns = 80 }: OutputStream): number {
  return isTTY === true ? columns : 200;
}

export type WithSession = <Result>(
  context: CliContext,
  recipe: RecipeOptions,
  work: (session: Session) => Promise<Result>,
) => Promise<Result>;
