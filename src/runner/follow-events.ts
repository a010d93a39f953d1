/** A run as another process sees it: the events it has written down, from the first, and those to come. */
import { setTimeout as sleep } from "node:timers/promises";
import type { RunnerEvent } from "./event.ts";
import { EventReader } from "./event-reader.ts";
import { eventsFile } from "./run-files.ts";

const POLL_MS = 100;

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
