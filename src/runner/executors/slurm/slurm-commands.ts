/** The commands of Slurm: how they are called and what their failures mean. Knows nothing of stages. */
import { execa } from "execa";
import { PipelineError } from "../../../errors.ts";
import { parseQueue, parseShownJob, QUEUE_FORMAT, type EndedJob, type QueueEntry } from "./queue-entry.ts";

type Environment = Readonly<Record<string, string | undefined>>;

/** squeue of a loaded controller answers late, but a runner must not wait for ever. */
const TIMEOUT_MS = 120_000;

export class SlurmCommands {
  readonly #env: Environment;

  constructor(env: Environment) {
    this.#env = env;
  }

  async #call(
    command: string,
    args: readonly string[],
  ): Promise<{ failed: boolean; out: string; said: string }> {
    const { failed, stdout, stderr, shortMessage } = await execa(command, args, {
      env: this.#env,
      extendEnv: false,
      stdin: "ignore",
      reject: false,
      timeout: TIMEOUT_MS,
    });
    return { failed, out: stdout, said: stderr === "" ? (shortMessage ?? "") : stderr };
  }

  /** Answers the job's id. Throws `SLURM_REFUSED`. */
  async submit(args: readonly string[], script: string): Promise<string> {
    const { failed, out, said } = await this.#call("sbatch", [...args, script]);
    // With several clusters, the cluster's name follows the id.
    const id = /^(\d+)(?:;|$)/m.exec(out)?.[1];
    if (!failed && id !== undefined) return id;
    throw new PipelineError({
      code: "SLURM_REFUSED",
      message: `sbatch did not take the job: ${said.trim()}`,
      hint: /gres/i.test(said)
        ? "the cluster has no such accelerators: set gres under executor in settings.yaml (null asks for none)"
        : "see executor in settings.yaml (partition, account, timeLimit, arguments) and the limits that sinfo shows",
    });
  }

  /** The user's jobs of these names that are not over. Throws `SLURM_UNREACHABLE`. */
  async queue(names: readonly string[]): Promise<QueueEntry[]> {
    const args = ["--noheader", "--me", `--name=${names.join(",")}`, `--format=${QUEUE_FORMAT}`];
    const { failed, out, said } = await this.#call("squeue", args);
    if (!failed) return parseQueue(out);
    throw new PipelineError({
      code: "SLURM_UNREACHABLE",
      message: `squeue does not answer: ${said.trim()}`,
      hint: "see whether squeue works in this shell; jobs that were submitted go on, and the next npx pipeline run follows them",
    });
  }

  /** How a job ended, for as long as the controller remembers it. */
  async show(id: string): Promise<EndedJob | undefined> {
    const { failed, out } = await this.#call("scontrol", ["--oneliner", "show", "job", id]);
    return failed ? undefined : parseShownJob(out);
  }

  /**
   * Asks for a checkpoint; a job that has not begun, or waits between two slices, is taken out of the queue. Answers
   * what went wrong, if anything did.
   */
  async interrupt(id: string): Promise<string | undefined> {
    const pending = await this.#call("scancel", ["--state=PENDING", id]);
    const running = await this.#call("scancel", ["--batch", "--signal=USR2", id]);
    return pending.failed && running.failed ? running.said : undefined;
  }

  /** Ends it now; the second call takes it out of the queue also where it does not run. Answers what went wrong. */
  async cancel(id: string): Promise<string | undefined> {
    await this.#call("scancel", ["--full", "--signal=KILL", id]);
    const { failed, said } = await this.#call("scancel", [id]);
    return failed ? said : undefined;
  }
}
