/** What squeue and scontrol say about jobs, read from their text. */

/** A job that Slurm still has to do with: it waits, runs, or is being ended. */
export interface QueueEntry {
  readonly id: string;
  readonly name: string;
  /** As Slurm writes it, e.g. `PENDING`. */
  readonly state: string;
  /** Why it waits, e.g. `Resources`; `None` where it does not. */
  readonly reason: string;
  readonly comment: string;
  /** Working directory. */
  readonly directory: string;
}

/** The directory comes last: it may hold the character that separates. */
export const QUEUE_FORMAT = "%i|%j|%T|%r|%k|%Z";

export function parseQueue(text: string): QueueEntry[] {
  return text.split("\n").flatMap((line) => {
    const [id, name, state, reason, comment, ...rest] = line.split("|");
    if (id === undefined || name === undefined || state === undefined) return [];
    if (reason === undefined || comment === undefined || rest.length === 0) return [];
    return [{ id, name, state, reason, comment, directory: rest.join("|") }];
  });
}

export interface EndedJob {
  readonly name: string;
  readonly state: string;
  readonly reason: string;
  /** `exitcode:signal` */
  readonly exitCode: string;
  readonly node: string;
}

/** Of `scontrol --oneliner show job`. Values end at a space; those with spaces are of no interest here. */
export function parseShownJob(text: string): EndedJob | undefined {
  const field = (name: string): string => new RegExp(`(?:^|\\s)${name}=(\\S*)`).exec(text)?.[1] ?? "";
  const state = field("JobState");
  if (state === "") return undefined;
  return {
    name: field("JobName"),
    state,
    reason: field("Reason"),
    exitCode: field("ExitCode"),
    node: field("BatchHost"),
  };
}
