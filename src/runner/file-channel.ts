/**
 * The channel of a stage that runs as a job of a cluster, for which no runner needs to live: reports are appended
 * to a file, the answer is a file of its own, written last. Signals ask for a checkpoint (docs/slurm.md).
 */
import {
  closeSync,
  fstatSync,
  fsyncSync,
  openSync,
  readFileSync,
  readSync,
  renameSync,
  writeSync,
} from "node:fs";
import { PipelineError, serializeError } from "../errors.ts";
import { noteResume, readMark } from "./checkpoints.ts";
import { jobFiles, SLICE_ENDED, type JobAnswer, type JobFile } from "./executors/slurm/job-files.ts";
import type { StageAnswer, StageChannel } from "./stage-channel.ts";

/** The job ends for good, or its next slice goes on. */
type Request = "stop" | "slice";

/** `directory`: of the job. Throws where its job file cannot be read. */
export function fileChannel(directory: string): StageChannel {
  const files = jobFiles(directory);
  const { attempt, stage, job } = JSON.parse(readFileSync(files.job, "utf8")) as JobFile;
  const restarted = Number(process.env["SLURM_RESTART_COUNT"] ?? 0) > 0;
  const first = (restarted ? noteResume : readMark)(job.checkpointMark).step;
  const events = openEvents(files.events);
  let asked: Request | undefined;

  const answer = (value: JobAnswer["answer"], exitCode: number): void => {
    writeDurably(files.answer, { attempt, answer: value } satisfies JobAnswer);
    process.exit(exitCode);
  };

  return {
    send: (report) => void writeSync(events, `${JSON.stringify(report)}\n`),
    finish(last: StageAnswer) {
      if (last.type === "done") answer(last, 0);
      else if (asked === undefined) answer(last, 1);
      else if (asked === "stop") answer({ type: "stopped" }, 1);
      else if (readMark(job.checkpointMark).step === first)
        answer({ type: "failed", error: serializeError(noProgress(stage, first)) }, 1);
      else process.exit(SLICE_ENDED);
    },
    listen({ onJob, onInterrupt }) {
      const ask = (request: Request): void => {
        // Who wants the job to stop wants no other slice either.
        asked = asked === "stop" ? asked : request;
        onInterrupt();
      };
      process.on("SIGTERM", () => ask("stop"));
      process.on("SIGUSR2", () => ask("slice"));
      onJob(job);
    },
  };
}

/** A slice that was killed may have left half a line; it must not spoil the next one. */
function openEvents(path: string): number {
  const file = openSync(path, "a+");
  const { size } = fstatSync(file);
  const last = Buffer.alloc(1);
  if (size > 0 && readSync(file, last, 0, 1, size - 1) === 1 && last.toString() !== "\n")
    writeSync(file, "\n");
  return file;
}

function writeDurably(path: string, value: unknown): void {
  const temporary = `${path}.next`;
  const file = openSync(temporary, "w");
  try {
    writeSync(file, JSON.stringify(value));
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
  renameSync(temporary, path);
}

function noProgress(stage: string, step: number | undefined): PipelineError {
  const since = step === undefined ? "it never wrote one" : `the last one is still that of step ${step}`;
  return new PipelineError({
    code: "SLICE_WITHOUT_PROGRESS",
    message: `stage ${stage} came to the end of its time slice without a new checkpoint: ${since}`,
    hint: "give it a longer timeLimit or a shorter signalSecondsBefore in settings.yaml, or let it write checkpoints more often; then npx pipeline run",
  });
}
