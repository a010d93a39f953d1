/** Whether Slurm's commands are here: asked before anything starts, so it loads nothing. */
import { accessSync, constants } from "node:fs";
import { delimiter, join } from "node:path";
import { userError } from "../../../errors.ts";

type Environment = Readonly<Record<string, string | undefined>>;

/** Absolute path of sbatch; undefined where it is not on the PATH. */
export function findSbatch({ PATH = "" }: Environment): string | undefined {
  return PATH.split(delimiter)
    .filter((folder) => folder !== "")
    .map((folder) => join(folder, "sbatch"))
    .find(isExecutable);
}

/** Throws the user error `SLURM_NOT_FOUND`. */
export function requireSlurm(env: Environment): void {
  if (findSbatch(env) !== undefined) return;
  throw userError(
    "SLURM_NOT_FOUND",
    "stages are to run as Slurm jobs, but there is no sbatch on the PATH",
    "run where Slurm's commands are installed, such as the cluster's login node, or npx pipeline run --executor local",
  );
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
