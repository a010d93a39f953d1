/** Where events go: stamped with the time, free of secrets, to whoever listens, and to the log of the stage that they are about. */
import { closeSync, mkdirSync, openSync, writeSync } from "node:fs";
import { join } from "node:path";
import type { RunnerEvent } from "./event.ts";
import { stageLogName } from "./run-files.ts";
import type { Secrets } from "./secrets.ts";

/** An event before it is stamped. */
export type NewEvent = RunnerEvent extends infer E ? (E extends RunnerEvent ? Omit<E, "at"> : never) : never;

export class EventLog {
  readonly #directory: string;
  readonly #onEvent: (event: RunnerEvent) => void;
  readonly #secrets: Pick<Secrets, "redact">;
  readonly #files = new Map<string, number>();

  /** `directory`: of this run's stage logs, made when the first stage starts. */
  constructor(directory: string, secrets: Pick<Secrets, "redact">, onEvent: (event: RunnerEvent) => void) {
    this.#directory = directory;
    this.#secrets = secrets;
    this.#onEvent = onEvent;
  }

  readonly emit = (event: NewEvent): void => {
    // Spreading a union loses which member it was; the type of `event` says it is one.
    const stamped = { at: new Date().toISOString(), ...this.#secrets.redact(event) } as RunnerEvent;
    if (stamped.type === "stage-started") this.#open(stamped.stage);
    this.#onEvent(stamped);
    if ("stage" in stamped) this.#write(stamped.stage, stamped);
  };

  /** A log that cannot be written, e.g. on a full disk, costs the log and never the stage. */
  #write(stage: string, event: RunnerEvent): void {
    const file = this.#files.get(stage);
    if (file === undefined) return;
    try {
      // Synchronous: a line is in the log even if the runner is killed right after.
      writeSync(file, `${JSON.stringify(event)}\n`);
    } catch (error) {
      this.#files.delete(stage);
      closeSync(file);
      this.#warnOfLog(stage, error);
    }
  }

  #warnOfLog(stage: string, error: unknown): void {
    const why = error instanceof Error ? error.message : String(error);
    this.emit({
      type: "warning",
      code: "LOG_INCOMPLETE",
      stage,
      message: `the log of ${stage} ends here: ${why}`,
    });
  }

  #open(stage: string): void {
    try {
      mkdirSync(this.#directory, { recursive: true });
      this.#files.set(stage, openSync(join(this.#directory, stageLogName(stage)), "a"));
    } catch (error) {
      this.#warnOfLog(stage, error);
    }
  }

  close(): void {
    for (const file of this.#files.values()) closeSync(file);
    this.#files.clear();
  }
}
