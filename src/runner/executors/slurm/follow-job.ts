/** Follows one job to its end: passes on what its stage says, tells where it stands in the queue, finds out how it ended. */
import { setTimeout as sleep } from "node:timers/promises";
import { serializeError, type SerializedError } from "../../../errors.ts";
import type { StageLaunch, StageResult } from "../../executor.ts";
import type { StageReport } from "../../stage-channel.ts";
import type { SlurmSettings } from "../../settings.ts";
import { endedFromOutside, jobFailure } from "./job-failure.ts";
import { jobFiles, readAnswer, writtenAt, type JobAnswer, type JobFile } from "./job-files.ts";
import type { EndedJob, QueueEntry } from "./queue-entry.ts";
import type { QueueWatch, Sight } from "./queue-watch.ts";
import type { SlurmCommands } from "./slurm-commands.ts";
import { Tail } from "./tail.ts";

export interface FollowedJob {
  readonly job: JobFile;
  readonly jobId: string;
  /** Milliseconds since the epoch: what squeue said before is not about it. */
  readonly knownSince: number;
}

/** No longer in the queue. */
interface Gone {
  readonly at: number;
  /** Undefined where the controller has forgotten it. */
  readonly ended: EndedJob | undefined;
}

type Listener = Pick<StageLaunch, "stage" | "onReport" | "onLine">;

const LAST_WORDS = 8;
/** How often files are looked at; a look costs a few system calls. */
const FILES_MS = 500;
const HURRIED_MS = 1000;
/** Between an answer and the end of its job lie a few lines of the batch script. */
const ANSWERED_MS = 100;
/** squeue fails for a moment whenever the controller restarts; that is not worth a word. */
const SILENT_FAILURES = 3;

export class JobFollower {
  readonly #followed: FollowedJob;
  readonly #listener: Listener;
  readonly #settings: Pick<SlurmSettings, "pollSeconds" | "graceSeconds">;
  readonly #commands: Pick<SlurmCommands, "show">;
  readonly #watch: QueueWatch;
  readonly #events: Tail;
  readonly #stdout: Tail;
  readonly #stderr: Tail;
  readonly #batchLog: Tail;
  readonly #lastWords: string[] = [];
  #hurried = false;
  #told = "";
  #failures = 0;

  constructor(
    followed: FollowedJob,
    listener: Listener,
    settings: Pick<SlurmSettings, "pollSeconds" | "graceSeconds">,
    commands: Pick<SlurmCommands, "show">,
    watch: QueueWatch,
  ) {
    this.#followed = followed;
    this.#listener = listener;
    this.#settings = settings;
    this.#commands = commands;
    this.#watch = watch;
    const files = jobFiles(followed.job.directory);
    this.#events = new Tail(files.events);
    this.#stdout = new Tail(files.stdout);
    this.#stderr = new Tail(files.stderr);
    this.#batchLog = new Tail(files.batchLog);
  }

  /** It was asked to end: look more often, and wait for no answer once it is gone. */
  hurry(): void {
    this.#hurried = true;
  }

  async result(): Promise<StageResult> {
    const { job } = this.#followed;
    let gone: Gone | undefined;
    this.#watch.follow(job.fingerprint);
    try {
      for (;;) {
        await this.#pass(false);
        const answer = readAnswer(job);
        // The job was gone before the answer was looked for once more.
        if (answer === undefined && gone !== undefined && this.#isFinal(gone))
          return await this.#end({ outcome: "failed", error: await this.#failure(gone) });
        // An answer is believed when nothing of the job runs any more that could write into the outputs.
        const sight = await this.#watch.look(answer === undefined ? this.#pollMs : 0);
        const state = this.#find(sight);
        if (answer !== undefined && (typeof state === "string" || state.state === "COMPLETING"))
          return await this.#end(this.#resultOf(answer));
        this.#tell(state, sight);
        gone = state === "gone" ? (gone ?? { at: Date.now(), ended: await this.#ended() }) : undefined;
        await sleep(answer === undefined ? Math.min(FILES_MS, this.#pollMs) : ANSWERED_MS);
      }
    } finally {
      this.#watch.leave(job.fingerprint);
    }
  }

  get #pollMs(): number {
    return Math.min(this.#settings.pollSeconds * 1000, this.#hurried ? HURRIED_MS : Infinity);
  }

  #isFinal({ at, ended }: Gone): boolean {
    const outside = ended !== undefined && endedFromOutside(ended);
    return this.#hurried || outside || Date.now() - at >= this.#settings.graceSeconds * 1000;
  }

  #find({ entries, askedAt }: Sight): QueueEntry | "gone" | "unknown" {
    const { job, jobId, knownSince } = this.#followed;
    if (entries === undefined) return "unknown";
    const found = entries.find(
      ({ id, name, comment }) => id === jobId && name === job.fingerprint && comment === job.attempt,
    );
    return found ?? (askedAt > knownSince ? "gone" : "unknown");
  }

  #tell(state: QueueEntry | "gone" | "unknown", { problem }: Sight): void {
    this.#failures = problem === undefined ? 0 : this.#failures + 1;
    const text = this.#text(state, problem);
    if (text === undefined || text === this.#told) return;
    this.#told = text;
    const waits = typeof state !== "string" && state.state !== "RUNNING" && state.state !== "COMPLETING";
    this.#listener.onReport(waits ? { type: "waiting", message: text } : { type: "log", line: text });
  }

  #text(state: QueueEntry | "gone" | "unknown", problem: string | undefined): string | undefined {
    const { jobId } = this.#followed;
    if (problem !== undefined)
      return this.#failures > SILENT_FAILURES ? `${problem}; asking again, the job goes on` : undefined;
    if (typeof state === "string" || state.state === "COMPLETING") return undefined;
    if (state.state === "RUNNING") return `job ${jobId} runs`;
    const reason = state.reason === "None" ? "" : `: ${state.reason}`;
    return `job ${jobId} is ${state.state}${reason}`;
  }

  /** Passes on what was written since the last call. */
  async #pass(last: boolean): Promise<void> {
    const { onLine, onReport } = this.#listener;
    await this.#stdout.read((line) => onLine("stdout", line), last);
    for (const tail of [this.#stderr, this.#batchLog])
      await tail.read((line) => {
        this.#lastWords.push(line);
        if (this.#lastWords.length > LAST_WORDS) this.#lastWords.shift();
        onLine("stderr", line);
      }, last);
    await this.#events.read((line) => {
      const report = readReport(line);
      if (report !== undefined) onReport(report);
    });
  }

  async #end(result: StageResult): Promise<StageResult> {
    await this.#pass(true);
    return result;
  }

  async #ended(): Promise<EndedJob | undefined> {
    const { job, jobId } = this.#followed;
    const shown = await this.#commands.show(jobId);
    // The controller gives numbers out again where it lost its state.
    return shown?.name === job.fingerprint ? shown : undefined;
  }

  async #failure({ ended }: Gone): Promise<SerializedError> {
    const { jobId } = this.#followed;
    await this.#pass(true);
    return serializeError(
      jobFailure({ stage: this.#listener.stage, jobId, ended, lastWords: this.#lastWords }),
    );
  }

  #resultOf(answer: JobAnswer["answer"]): StageResult {
    switch (answer.type) {
      case "done": {
        const endedAt = writtenAt(jobFiles(this.#followed.job.directory).answer);
        return { outcome: "done", outputs: answer.outputs, endedAt };
      }
      case "failed":
        return { outcome: "failed", error: answer.error };
      case "stopped":
        return { outcome: "failed", error: STOPPED };
    }
  }
}

const STOPPED: SerializedError = {
  code: "STAGE_STOPPED",
  message: "the stage was asked to stop, and did",
  hint: "npx pipeline run goes on from the checkpoint",
  kind: "failure",
};

const TYPES = new Set(["log", "progress", "checkpoint"]);

/** Undefined for half a line, which a slice that was killed left behind. */
function readReport(line: string): StageReport | undefined {
  try {
    const report = JSON.parse(line) as StageReport;
    return TYPES.has(report.type) ? report : undefined;
  } catch {
    return undefined;
  }
}
