/** JSON Lines files: one JSON value a line, streamed both ways. Knows nothing of what the values mean. */
import { createReadStream, createWriteStream, type WriteStream } from "node:fs";
import { once } from "node:events";
import { PipelineError } from "../errors.ts";
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

const FLUSH_CHARACTERS = 1 << 16;

/** Appends values to a new file in large writes; waits where the disk is slower. Call `close`, which syncs to disk. */
export class JsonlWriter {
  readonly #stream: WriteStream;
  #pending: string[] = [];
  #pendingCharacters = 0;
  #failure: Error | undefined;

  /** Refuses to overwrite: an existing file makes the first flush reject with EEXIST. */
  constructor(path: string) {
    this.#stream = createWriteStream(path, { flags: "wx", flush: true });
    this.#stream.on("error", (error) => (this.#failure = error));
  }

  async write(value: unknown): Promise<void> {
    const text = JSON.stringify(value);
    this.#pending.push(text, "\n");
    this.#pendingCharacters += text.length;
    if (this.#pendingCharacters >= FLUSH_CHARACTERS) await this.#flush();
  }

  async #flush(): Promise<void> {
    this.#throwFailure();
    const text = this.#pending.join("");
    this.#pending = [];
    this.#pendingCharacters = 0;
    if (!this.#stream.write(text)) await once(this.#stream, "drain");
  }

  /** Closes the file as it is, without what was not yet flushed; for work that failed. */
  abandon(): void {
    this.#stream.destroy();
  }

  async close(): Promise<void> {
    await this.#flush();
    this.#stream.end();
    if (!this.#stream.closed) await once(this.#stream, "close");
    this.#throwFailure();
  }

  #throwFailure(): void {
    if (this.#failure) throw this.#failure;
  }
}
