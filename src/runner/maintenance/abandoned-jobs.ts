/** Folders of Slurm jobs (cache/slurm/) that no run will follow any more. */
import { join } from "node:path";
import { PipelineError } from "../../errors.ts";
import type { StoreSnapshot } from "../../store/keeping-types.ts";
import type { OpenProject } from "../open-project.ts";
import { directoryItem, underLock, type Collectable, type CollectPolicy } from "./collectables.ts";
import { listDirectory, treeFacts } from "./tree-facts.ts";

export interface AbandonedJobs {
  readonly jobs: readonly Collectable[];
  /** Why folders stay that may be abandoned. */
  readonly note?: string;
}

/** By age, as checkpoints. Slurm is asked first: a job may wait in its queue for longer than any age. */
export async function abandonedJobs(
  { store, env }: OpenProject,
  { claimed }: StoreSnapshot,
  { now, olderThanMs, planned }: CollectPolicy,
): Promise<AbandonedJobs> {
  const root = join(store.directory, "slurm");
  const idle = listDirectory(root).filter(
    (fingerprint) =>
      !claimed.has(fingerprint) &&
      !planned.has(fingerprint) &&
      now - treeFacts(join(root, fingerprint)).newestMs >= olderThanMs,
  );
  if (idle.length === 0) return { jobs: [] };
  const { SlurmCommands } = await import("../executors/slurm/slurm-commands.ts");
  try {
    const queued = await new SlurmCommands(env).queue(idle);
    const directories = new Set(queued.map(({ directory }) => directory));
    return {
      jobs: idle
        .filter((fingerprint) => !directories.has(join(root, fingerprint)))
        .map((fingerprint) => {
          const { item, remove } = directoryItem("job", join(root, fingerprint));
          return { item, remove: () => underLock(store, fingerprint, remove) };
        }),
    };
  } catch (error) {
    if (!(error instanceof PipelineError)) throw error;
    return {
      jobs: [],
      note: `cache/slurm holds ${idle.length} old folders of jobs, which stay because Slurm cannot be asked here: ${error.message}`,
    };
  }
}
