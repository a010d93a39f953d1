/** Where events go: stamped with the time, to whoever listens, and to the log of the stage that they are about. */
import { closeSync, mkdirSync, openSync, writeSync } from "node:fs";
import { join } from "node:path";
import type { RunnerEvent } from "./event.ts";

/** An event before it is stamped. */
export type NewEvent = RunnerEvent extends infer E ? (E extends RunnerEvent ? Omit<E, "at"> : never) : never;

export class EventLog {
  readonly #directory: string;
  readonly #onEvent: (event: RunnerEvent) => void;
  readonly #files = new Map<string, number>();

  /** `directory`: of this run, made when the first stage starts. */
  constructor(directory: string, onEvent: (event: RunnerEvent) => void) {
    this.#directory = directory;
    this.#onEvent = onEvent;
  }

  readonly emit = (event: NewEvent): void => {
    // Spreading a union loses which member it was; the type of `event` says it is one.
    const stamped = { at: new Date().toISOString(), ...event } as RunnerEvent;
    if (stamped.type === "stage-started") this.#open(stamped.stage);
    const file = "stage" in stamped ? this.#files.get(stamped.stage ?? "") : undefined;
    // Synchronous: a line is in the log even if the runner is killed right after.
    if (file !== undefined) writeSync(file, `${JSON.stringify(stamped)}\n`);
    this.#onEvent(stamped);
  };

  #open(stage: string): void {
    mkdirSync(this.#directory, { recursive: true });
    this.#files.set(stage, openSync(join(this.#directory, `${stage}.jsonl`), "a"));
  }

  close(): void {
    for (const file of this.#files.values()) closeSync(file);
    this.#files.clear();
  }
}
