/** Reads a growing file of events, one JSON object a line, from its beginning. */
import { closeSync, openSync, readSync } from "node:fs";
import { errorCode } from "../std/error-code.ts";
import type { RunnerEvent } from "./event.ts";

const CHUNK_BYTES = 1 << 20;
const NEWLINE = 10;

/** What is not a whole line yet is read again later. Close it. */
export class EventReader {
  readonly #path: string;
  readonly #chunk = Buffer.alloc(CHUNK_BYTES);
  #file: number | undefined;
  /** The beginning of a line whose end is not written yet. */
  #begun: Buffer[] = [];

  constructor(path: string) {
    this.#path = path;
  }

  /** The next events; undefined where there is nothing new. */
  read(): readonly RunnerEvent[] | undefined {
    this.#file ??= openOptional(this.#path);
    if (this.#file === undefined) return undefined;
    const length = readSync(this.#file, this.#chunk, 0, CHUNK_BYTES, null);
    if (length === 0) return undefined;
    const bytes = this.#chunk.subarray(0, length);
    const end = bytes.lastIndexOf(NEWLINE) + 1;
    if (end === 0) {
      this.#begun.push(Buffer.from(bytes));
      return [];
    }
    const lines = Buffer.concat([...this.#begun, bytes.subarray(0, end)]).toString("utf8");
    this.#begun = [Buffer.from(bytes.subarray(end))];
    return lines.split("\n").flatMap(parse);
  }

  close(): void {
    if (this.#file !== undefined) closeSync(this.#file);
    this.#file = undefined;
  }
}

function openOptional(path: string): number | undefined {
  try {
    return openSync(path, "r");
  } catch (error) {
    if (errorCode(error) === "ENOENT") return undefined;
    throw error;
  }
}

/** A line that a full disk has torn tells nothing. */
function parse(line: string): RunnerEvent[] {
  if (line === "") return [];
  try {
    return [JSON.parse(line) as RunnerEvent];
  } catch {
    return [];
  }
}
