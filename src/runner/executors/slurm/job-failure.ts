/** What a job that ended without an answer is told as. */
import { PipelineError } from "../../../errors.ts";
import type { EndedJob } from "./queue-entry.ts";

export interface JobEnd {
  readonly stage: string;
  readonly jobId: string;
  /** Undefined where the controller has forgotten it. */
  readonly ended: EndedJob | undefined;
  /** The last lines that the stage and the batch script wrote. */
  readonly lastWords: readonly string[];
}

const AGAIN = "npx pipeline run goes on from the last checkpoint, where there is one";

const HINTS: Readonly<Record<string, readonly [code: string, what: string, hint: string]>> = {
  OUT_OF_MEMORY: [
    "SLURM_OUT_OF_MEMORY",
    "needed more memory than it was given",
    `raise memoryBytes in the stage's resources, or lower its batch size; then ${AGAIN}`,
  ],
  TIMEOUT: [
    "SLURM_TIMEOUT",
    "reached its time limit before it had written a checkpoint and ended",
    `raise signalSecondsBefore under executor in settings.yaml, so that it is asked earlier; then ${AGAIN}`,
  ],
  NODE_FAIL: [
    "SLURM_NODE_FAILED",
    "lost its node",
    `nothing is wrong with the stage: ${AGAIN}; arguments: [--exclude=NODE] in settings.yaml avoids a node`,
  ],
  BOOT_FAIL: ["SLURM_NODE_FAILED", "was given a node that did not start", AGAIN],
  CANCELLED: ["SLURM_CANCELLED", "was cancelled by somebody", AGAIN],
  PREEMPTED: ["SLURM_PREEMPTED", "had to make room for a more important job", AGAIN],
  DEADLINE: ["SLURM_DEADLINE", "could not end before its deadline", AGAIN],
};

/** Where Slurm gathers memory by polling, the job's state is a plain FAILED; its log says why. */
const saysOutOfMemory = (line: string): boolean =>
  /^slurmstepd.*(?:exceeded (?:job |step )?memory limit|oom.?kill)/i.test(line);

/** Slurm ended it itself: no answer is on its way. */
export const endedFromOutside = ({ state }: EndedJob): boolean => state in HINTS;

export function jobFailure({ stage, jobId, ended, lastWords }: JobEnd): PipelineError {
  const said = lastWords.length === 0 ? "" : `; its last words:\n${lastWords.join("\n")}`;
  const where = ended === undefined || ended.node === "" ? "" : ` on ${ended.node}`;
  const job = `job ${jobId} of stage ${stage}`;
  const known = HINTS[lastWords.some(saysOutOfMemory) ? "OUT_OF_MEMORY" : (ended?.state ?? "")];
  if (known !== undefined) {
    const [code, what, hint] = known;
    return new PipelineError({ code, message: `${job} ${what}${where}${said}`, hint });
  }
  if (ended === undefined)
    return new PipelineError({
      code: "SLURM_JOB_VANISHED",
      message: `${job} is gone without an answer, and Slurm no longer knows it${said}`,
      hint: AGAIN,
    });
  const reason = ended.reason === "" || ended.reason === "None" ? "" : `, ${ended.reason}`;
  return new PipelineError({
    code: "SLURM_JOB_FAILED",
    message: `${job} ended without an answer${where}: ${ended.state}${reason}, exit code ${ended.exitCode}${said}`,
    hint: AGAIN,
  });
}
