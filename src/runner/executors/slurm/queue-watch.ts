/** One squeue for all jobs that are followed, however many ask. */
import type { QueueEntry } from "./queue-entry.ts";
import type { SlurmCommands } from "./slurm-commands.ts";

export interface Sight {
  /** Milliseconds since the epoch: a job submitted later could not be seen. */
  readonly askedAt: number;
  /** Undefined where squeue did not answer. */
  readonly entries: readonly QueueEntry[] | undefined;
  readonly problem: string | undefined;
}

export class QueueWatch {
  readonly #commands: Pick<SlurmCommands, "queue">;
  readonly #now: () => number;
  readonly #names = new Set<string>();
  #last: Sight | undefined;
  #asking: Promise<Sight> | undefined;

  constructor(commands: Pick<SlurmCommands, "queue">, now: () => number = Date.now) {
    this.#commands = commands;
    this.#now = now;
  }

  follow(name: string): void {
    this.#names.add(name);
  }

  leave(name: string): void {
    this.#names.delete(name);
  }

  /** What squeue said at most `maxAgeMs` ago, or says now. */
  look(maxAgeMs: number): Promise<Sight> {
    if (this.#last !== undefined && this.#now() - this.#last.askedAt < maxAgeMs)
      return Promise.resolve(this.#last);
    this.#asking ??= this.#ask().finally(() => (this.#asking = undefined));
    return this.#asking;
  }

  async #ask(): Promise<Sight> {
    const askedAt = this.#now();
    this.#last = await this.#commands.queue([...this.#names]).then(
      (entries) => ({ askedAt, entries, problem: undefined }),
      (error: unknown) => ({
        askedAt,
        entries: undefined,
        problem: error instanceof Error ? error.message : String(error),
      }),
    );
    return this.#last;
  }
}
