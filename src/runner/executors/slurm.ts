/**
 * Stages as jobs of Slurm, one job an execution. Needs no accounting and no runner that lives: everything a job has to
 * say lies in cache/slurm/<fingerprint>/, where the next run finds it (docs/slurm.md).
 */
import { randomBytes } from "node:crypto";
import { existsSync, readdirSync } from "node:fs";
import { cp, mkdir, rm, writeFile } from "node:fs/promises";
import { join, relative, sep } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { writeFileAtomic } from "../../std/write-file-atomic.ts";
import type { Store } from "../../store/store.ts";
import type { Executor, RunningStage, StageLaunch, StageResult, WorkDirectory } from "../executor.ts";
import type { SlurmSettings } from "../settings.ts";
import { mallocOfStage } from "../malloc-of-stage.ts";
import { batchScript } from "./slurm/batch-script.ts";
import { JobFollower, type FollowedJob } from "./slurm/follow-job.ts";
import {
  JOB_PROTOCOL,
  jobFiles,
  readAnswer,
  readJob,
  readJobId,
  writtenAt,
  type JobFile,
} from "./slurm/job-files.ts";
import type { QueueEntry } from "./slurm/queue-entry.ts";
import { QueueWatch } from "./slurm/queue-watch.ts";
import { SlurmCommands } from "./slurm/slurm-commands.ts";
import { submitArguments } from "./slurm/submit-arguments.ts";

export interface SlurmExecutorOptions {
  readonly store: Pick<Store, "directory" | "execution" | "lockHolder">;
  /** Absolute. */
  readonly compiledDirectory: string;
  /** Absolute; in the compiled directory. */
  readonly stageProcess: string;
  readonly projectRoot: string;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly settings: SlurmSettings;
}

export async function slurmExecutor(options: SlurmExecutorOptions): Promise<Executor> {
  const executor = new SlurmExecutor(options);
  await executor.sweep();
  return executor;
}

class SlurmExecutor implements Executor {
  readonly name = "slurm";
  /** Nothing to hand out, so nothing to wait for: every ready stage is submitted, and Slurm queues. */
  readonly capacity = { cpus: 0, memoryBytes: 0, accelerators: 0 };
  readonly #options: SlurmExecutorOptions;
  readonly #commands: SlurmCommands;
  readonly #watch: QueueWatch;
  readonly #root: string;
  /** Executions that an earlier run began, by fingerprint. */
  readonly #begun = new Map<string, FollowedJob>();
  /** What became of jobs that an earlier run submitted, by fingerprint; told when the next one is submitted. */
  readonly #lost = new Map<string, string>();
  /** Directories of jobs that may still write. */
  readonly #inUse = new Set<string>();

  constructor(options: SlurmExecutorOptions) {
    this.#options = options;
    this.#commands = new SlurmCommands(options.env);
    this.#watch = new QueueWatch(this.#commands);
    this.#root = join(options.store.directory, "slurm");
  }

  /** Removes what a runner left that died between its commit and its cleaning up. */
  async sweep(): Promise<void> {
    const { store } = this.#options;
    if (!existsSync(this.#root)) return;
    const left = readdirSync(this.#root).filter(
      (name) => store.execution(name) !== undefined && store.lockHolder(name) === undefined,
    );
    if (left.length === 0) return;
    const jobs = await this.#commands.queue(left);
    for (const path of left.map((name) => join(this.#root, name)))
      if (!jobs.some(({ directory }) => directory === path)) await rm(path, { recursive: true, force: true });
  }

  async workDirectory(fingerprint: string, anew: boolean): Promise<WorkDirectory> {
    const path = join(this.#root, fingerprint);
    const begun = await this.#findBegun(fingerprint, path, anew);
    if (begun === undefined) await rm(path, { recursive: true, force: true });
    else {
      this.#begun.set(fingerprint, begun);
      this.#inUse.add(path);
    }
    await mkdir(path, { recursive: true });
    return {
      path,
      begun: begun === undefined ? undefined : writtenAt(jobFiles(path).job),
      dispose: async () => {
        if (!this.#inUse.has(path)) await rm(path, { recursive: true, force: true });
      },
    };
  }

  /** The job to go on with; any other of this directory is ended, for it would write to the same places. */
  async #findBegun(fingerprint: string, path: string, anew: boolean): Promise<FollowedJob | undefined> {
    const living = await this.#living(fingerprint, path);
    const job = anew ? undefined : readJob(path, fingerprint);
    const current = job === undefined ? undefined : living.find(({ comment }) => comment === job.attempt);
    const answer = job === undefined ? undefined : readAnswer(job);
    const goesOn = answer === undefined ? current !== undefined : answer.type !== "stopped";
    const jobId = current?.id ?? readJobId(path);
    const begun =
      job !== undefined && jobId !== undefined && goesOn ? { job, jobId, knownSince: 0 } : undefined;
    const others = living.filter((entry) => begun === undefined || entry !== current);
    for (const { id } of others) await this.#commands.cancel(id);
    while (others.length > 0 && (await this.#living(fingerprint, path)).some(isOneOf(others)))
      await sleep(this.#options.settings.pollSeconds * 1000);
    if (begun === undefined && job !== undefined && answer === undefined && jobId !== undefined)
      this.#lost.set(
        fingerprint,
        `job ${jobId} of run ${job.runId} is gone without an answer: it begins again`,
      );
    return begun;
  }

  /** Two checkouts may have jobs of one fingerprint: only those of this directory count. */
  async #living(fingerprint: string, path: string): Promise<QueueEntry[]> {
    return (await this.#commands.queue([fingerprint])).filter(({ directory }) => directory === path);
  }

  async launch(launch: StageLaunch): Promise<RunningStage> {
    const { fingerprint } = launch;
    const tell = (line: string): void => launch.onReport({ type: "log", line });
    const begun = this.#begun.get(fingerprint);
    const lost = this.#lost.get(fingerprint);
    this.#begun.delete(fingerprint);
    this.#lost.delete(fingerprint);
    if (lost !== undefined) tell(lost);
    if (begun !== undefined) tell(`goes on with job ${begun.jobId}, which run ${begun.job.runId} submitted`);
    const followed = begun ?? (await this.#submit(launch));
    const { jobId, job } = followed;
    const follower = new JobFollower(followed, launch, this.#options.settings, this.#commands, this.#watch);
    const end = async (): Promise<StageResult> => {
      const result = await follower.result();
      this.#inUse.delete(job.directory);
      return result;
    };
    const ask = async (request: Promise<string | undefined>): Promise<void> => {
      follower.hurry();
      const problem = await request;
      if (problem !== undefined) tell(`scancel ${jobId}: ${problem}`);
    };
    return {
      result: end(),
      interrupt: () => void ask(this.#commands.interrupt(jobId)),
      kill: () => void ask(this.#commands.cancel(jobId)),
    };
  }

  async #submit({ fingerprint, stage, runId, resources, job }: StageLaunch): Promise<FollowedJob> {
    const { compiledDirectory, stageProcess, projectRoot, settings } = this.#options;
    const directory = join(this.#root, fingerprint);
    const files = jobFiles(directory);
    await rm(directory, { recursive: true, force: true });
    await mkdir(directory, { recursive: true });
    // The compiled directory is pruned when its runner is gone; a job may start long after that.
    await cp(compiledDirectory, files.code, {
      recursive: true,
      filter: (path) => relative(compiledDirectory, path).split(sep)[0] !== "users",
    });
    const moved = (path: string): string => join(files.code, relative(compiledDirectory, path));
    const attempt = `${runId}-${randomBytes(4).toString("hex")}`;
    const args = submitArguments({ fingerprint, attempt, directory }, resources, settings);
    const jobFile: JobFile = {
      protocol: JOB_PROTOCOL,
      attempt,
      fingerprint,
      directory,
      stage,
      runId,
      job: { ...job, module: moved(job.module) },
      arguments: args,
    };
    const script = batchScript({
      directory,
      projectRoot,
      node: process.execPath,
      stageProcess: moved(stageProcess),
      setup: settings.setup,
      malloc: mallocOfStage(resources),
    });
    await writeFile(files.script, script);
    await writeFileAtomic(files.job, JSON.stringify(jobFile));
    this.#inUse.add(directory);
    const jobId = await this.#commands.submit(args, files.script).catch((error: unknown) => {
      this.#inUse.delete(directory);
      throw error;
    });
    const knownSince = Date.now();
    await writeFileAtomic(files.jobId, jobId);
    return { job: jobFile, jobId, knownSince };
  }
}

const isOneOf =
  (entries: readonly QueueEntry[]) =>
  ({ id }: QueueEntry): boolean =>
    entries.some((entry) => entry.id === id);
