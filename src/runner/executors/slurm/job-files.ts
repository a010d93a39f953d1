/**
 * What a job and its runner leave for each other in cache/slurm/<fingerprint>/. Everything read here was written by
 * another process, perhaps of another time: what does not fit counts as not there.
 */
import { existsSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import type { SerializedError } from "../../../errors.ts";
import type { JsonObject } from "../../../std/json.ts";
import type { StageJob } from "../../stage-protocol.ts";

/** Of these files and the batch script. A job of another version is not followed. */
export const JOB_PROTOCOL = 1;

/** Exit code of a stage process that wrote a checkpoint at the end of a slice: the job is to be requeued. */
export const SLICE_ENDED = 75;

export interface JobFile {
  readonly protocol: typeof JOB_PROTOCOL;
  /** Unlike that of any other submission; also the comment of the Slurm job. */
  readonly attempt: string;
  readonly fingerprint: string;
  /** Where this file lies: a project that was moved or copied does not follow the job. */
  readonly directory: string;
  readonly stage: string;
  readonly runId: string;
  readonly job: StageJob;
  /** Of sbatch. */
  readonly arguments: readonly string[];
}

/** Written last; its presence says that the execution is over. */
export interface JobAnswer {
  readonly attempt: string;
  readonly answer:
    | { readonly type: "done"; readonly outputs: Readonly<Record<string, JsonObject>> }
    | { readonly type: "failed"; readonly error: SerializedError }
    /** On request, after a checkpoint or without one. */
    | { readonly type: "stopped" };
}

export interface JobFiles {
  readonly job: string;
  /** The Slurm job's id; absent until sbatch has answered. */
  readonly jobId: string;
  readonly events: string;
  readonly answer: string;
  readonly stdout: string;
  readonly stderr: string;
  /** What the batch script and Slurm itself say. */
  readonly batchLog: string;
  readonly script: string;
  readonly outputs: string;
  /** The compiled stages as they were at submission. */
  readonly code: string;
}

export const jobFiles = (directory: string): JobFiles => ({
  job: join(directory, "job.json"),
  jobId: join(directory, "job-id"),
  events: join(directory, "events.jsonl"),
  answer: join(directory, "result.json"),
  stdout: join(directory, "stdout.txt"),
  stderr: join(directory, "stderr.txt"),
  batchLog: join(directory, "batch.txt"),
  script: join(directory, "batch.sh"),
  outputs: join(directory, "outputs"),
  code: join(directory, "code"),
});

/** The submission that left its files here, where this runner can follow it. */
export function readJob(directory: string, fingerprint: string): JobFile | undefined {
  const job = readJson(jobFiles(directory).job) as JobFile | undefined;
  const fits =
    job?.protocol === JOB_PROTOCOL && job.fingerprint === fingerprint && job.directory === directory;
  return fits ? job : undefined;
}

/** The answer to this submission; an answer `done` counts only while the outputs are there. */
export function readAnswer({ directory, attempt, job }: JobFile): JobAnswer["answer"] | undefined {
  const found = readJson(jobFiles(directory).answer) as JobAnswer | undefined;
  if (found?.attempt !== attempt) return undefined;
  const whole = found.answer.type !== "done" || Object.values(job.outputs).every((path) => existsSync(path));
  return whole ? found.answer : undefined;
}

/** When a file was last written, e.g. the answer. */
export const writtenAt = (path: string): Date => statSync(path).mtime;

export function readJobId(directory: string): string | undefined {
  const text = readText(jobFiles(directory).jobId)?.trim();
  return text !== undefined && /^\d+$/.test(text) ? text : undefined;
}

function readJson(path: string): unknown {
  const text = readText(path);
  if (text === undefined) return undefined;
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return undefined; // torn by a crash of the machine
  }
}

function readText(path: string): string | undefined {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return undefined;
  }
}
