/** A run as another process sees it: the events it has written down, from the first, and those to come. */
import { closeSync, openSync, readSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import type { RunnerEvent } from "./event.ts";
import { eventsFile } from "./run-files.ts";

const POLL_MS = 100;
const CHUNK_BYTES = 1 << 20;

export interface FollowOptions {
  /** Whether nothing more will be written, e.g. because the runner is dead. */
  readonly isOver: () => boolean;
  /** Ends the following, and says nothing to the run. */
  readonly signal?: AbortSignal;
}

export interface EventBatch {
  readonly events: readonly RunnerEvent[];
  /** These came after the following began. */
  readonly fresh: boolean;
}

/** Ends after `run-finished`, or when the run is over. */
export async function* followEvents(
  cacheDirectory: string,
  runId: string,
  { isOver, signal }: FollowOptions,
): AsyncGenerator<EventBatch> {
  const reader = new EventReader(eventsFile(cacheDirectory, runId));
  try {
    for (let fresh = false; signal?.aborted !== true; fresh = true) {
      const over = isOver(); // asked first: what was written before it is still read
      for (let events = reader.read(); events !== undefined; events = reader.read()) {
        yield { events, fresh };
        if (events.some(({ type }) => type === "run-finished")) return;
      }
      if (over) return;
      await sleep(POLL_MS);
    }
  } finally {
    reader.close();
  }
}

/** The events that a run which is over has left; none where there is no file. */
export function* keptEvents(cacheDirectory: string, runId: string): Generator<RunnerEvent> {
  const reader = new EventReader(eventsFile(cacheDirectory, runId));
  try {
    for (let events = reader.read(); events !== undefined; events = reader.read()) yield* events;
  } finally {
    reader.close();
  }
}

/** Reads a growing file of JSON lines from its beginning; what is not a whole line yet is read again later. */
class EventReader {
  readonly #path: string;
  readonly #chunk = Buffer.alloc(CHUNK_BYTES);
  #file: number | undefined;
  /** The beginning of a line whose end is not written yet. */
  #begun: Buffer[] = [];

  constructor(path: string) {
    this.#path = path;
  }

  /** Undefined where there is nothing new. */
  read(): readonly RunnerEvent[] | undefined {
    this.#file ??= openOptional(this.#path);
    if (this.#file === undefined) return undefined;
    const length = readSync(this.#file, this.#chunk, 0, CHUNK_BYTES, null);
    if (length === 0) return undefined;
    const text = this.#chunk.subarray(0, length);
    const end = text.lastIndexOf(10) + 1;
    if (end === 0) {
      this.#begun.push(Buffer.from(text));
      return [];
    }
    const lines = Buffer.concat([...this.#begun, text.subarray(0, end)]).toString("utf8");
    this.#begun = [Buffer.from(text.subarray(end))];
    return lines.split("\n").flatMap(parse);
  }

  close(): void {
    if (this.#file !== undefined) closeSync(this.#file);
  }
}

function openOptional(path: string): number | undefined {
  try {
    return openSync(path, "r");
  } catch {
    return undefined; // the run has not begun
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
