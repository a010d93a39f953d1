/** `check`: the store against its index, and the checkpoints against the executions that they belong to. */
import { join } from "node:path";
import type { CheckOptions, CheckProblem, CheckReport } from "../../store/check.ts";
import type { OpenProject } from "../open-project.ts";
import { listDirectory } from "./tree-facts.ts";

/** `checkStore`: of store/check.ts, which the composition root hands over. */
export async function checkProject(
  project: OpenProject,
  checkStore: (options: CheckOptions) => Promise<CheckReport>,
  options: CheckOptions = {},
): Promise<CheckReport> {
  const report = await checkStore(options);
  return { ...report, problems: [...report.problems, ...idleCheckpoints(project)] };
}

/** Behind a finished execution a checkpoint is of no use: left by a kill right after the commit. */
function idleCheckpoints({ store, checkpoints }: OpenProject): CheckProblem[] {
  return listDirectory(join(store.directory, "checkpoints")).flatMap((fingerprint): CheckProblem[] => {
    if (store.lockHolder(fingerprint) !== undefined) return [];
    const execution = store.execution(fingerprint);
    const finished = execution !== undefined && execution.evictedAt === undefined;
    const empty = checkpoints.isEmpty(fingerprint);
    if (!finished && !empty) return [];
    const message = finished
      ? `a checkpoint of ${execution.stageId} is left, which has finished`
      : `an empty folder of checkpoint ${fingerprint} is left`;
    return [
      { code: "checkpoint-without-use", severity: "left-over", message, digest: fingerprint, stages: [] },
    ];
  });
}
