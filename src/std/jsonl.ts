/** JSON Lines files: one JSON value a line, streamed both ways. Knows nothing of what the values mean. */
import { createReadStream } from "node:fs";
import { PipelineError } from "../errors.ts";
import { AppendFile, type AppendOptions } from "./append-file.ts";
import type { Json } from "./json.ts";
import { readLines, type ReadLinesOptions } from "./read-lines.ts";

export interface JsonLine {
  readonly value: Json;
  readonly line: number;
}

/** Empty lines are passed over. Throws JSONL_SYNTAX with file and line, LINE_TOO_LONG, or Node's error for a file that cannot be read. */
export async function* readJsonl(
  path: string,
  options: Omit<ReadLinesOptions, "where"> = {},
): AsyncGenerator<JsonLine> {
  const bytes = createReadStream(path) as AsyncIterable<Uint8Array>;
  for await (const { text, number } of readLines(bytes, { ...options, where: path })) {
    if (text.trim() === "") continue;
    yield { value: parse(text, path, number), line: number };
  }
}

function parse(text: string, path: string, line: number): Json {
  try {
    return JSON.parse(text) as Json;
  } catch (cause) {
    throw new PipelineError({
      code: "JSONL_SYNTAX",
      message: `${path}:${line}: not a JSON value: ${text.slice(0, 80)}`,
      hint: "Every line must hold one whole JSON value; a file that was cut short must be made again.",
      cause,
    });
  }
}

/** Appends values to a file in large writes; waits where the disk is slower. Call `close`, which syncs to disk. */
export class JsonlWriter {
  readonly #file: AppendFile;

  /** Refuses to overwrite: an existing file rejects with EEXIST, unless `resumeAt` says how many of its bytes to keep. */
  constructor(path: string, options: AppendOptions = {}) {
    this.#file = new AppendFile(path, options);
  }

  write(value: unknown): Promise<void> {
    return this.#file.append(`${JSON.stringify(value)}\n`);
  }

  /** Everything written so far is on disk when this resolves to how many bytes it is. */
  sync(): Promise<number> {
    return this.#file.sync();
  }

  /** Closes the file as it is, without what was not yet flushed; for work that failed. */
  abandon(): Promise<void> {
    return this.#file.abandon();
  }

  close(): Promise<void> {
    return this.#file.close();
  }
}
