/** Which executor a run has: as its options say, else as settings.yaml says. */
import { join } from "node:path";
import { userError } from "../errors.ts";
import type { Executor } from "./executor.ts";
import { requireSlurm } from "./executors/slurm/slurm-path.ts";
import type { OpenProject } from "./open-project.ts";
import type { RunOptions } from "./session-types.ts";
import { defaultSlurmSettings } from "./settings.ts";

/**
 * Refuses at once what cannot work, and answers how the executor is made when the first stage must run. Throws the
 * user errors `SLURM_NOT_FOUND` and `JOBS_WITHOUT_MEANING`.
 */
export function chooseExecutor(project: OpenProject, options: RunOptions): () => Promise<Executor> {
  const { store, parts, env, projectRoot } = project;
  const { compiledDirectory } = parts.options;
  const stageProcess = join(compiledDirectory, parts.manifest.stageProcess);
  const { executor: chosen } = parts.settings;
  const kind = options.executor ?? chosen.kind;
  if (kind === "local")
    return async () => {
      const { localExecutor } = await import("./executors/local.ts");
      return localExecutor({
        store,
        stageProcess,
        watchdog: join(compiledDirectory, parts.manifest.watchdog),
        projectRoot,
        jobs: options.jobs,
      });
    };
  if (options.jobs !== undefined)
    throw userError(
      "JOBS_WITHOUT_MEANING",
      "--jobs shares this machine's CPUs, but the stages run as Slurm jobs",
      "leave --jobs out: Slurm decides what runs at once; or npx pipeline run --executor local",
    );
  requireSlurm(env);
  return async () => {
    const { slurmExecutor } = await import("./executors/slurm.ts");
    const settings = chosen.kind === "slurm" ? chosen : defaultSlurmSettings();
    return slurmExecutor({ store, compiledDirectory, stageProcess, projectRoot, env, settings });
  };
}
