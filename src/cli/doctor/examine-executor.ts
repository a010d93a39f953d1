/** Whether stages can run where settings.yaml wants them; nothing is said about this machine, where they always can. */
import { serializeError } from "../../errors.ts";
import { findSbatch } from "../../runner/executors/slurm/slurm-path.ts";
import { loadSettings } from "../../runner/settings.ts";
import type { Finding } from "./finding.ts";

export async function examineExecutor(
  projectRoot: string,
  env: Readonly<Record<string, string | undefined>>,
): Promise<readonly Finding[]> {
  const name = "executor";
  try {
    const { executor } = await loadSettings(projectRoot);
    if (executor.kind === "local") return [];
    const sbatch = findSbatch(env);
    if (sbatch !== undefined) return [{ name, level: "ok", message: `Slurm jobs, through ${sbatch}` }];
    const hint = "work on the cluster's login node, or npx pipeline run --executor local";
    return [
      { name, level: "fail", message: "settings.yaml wants Slurm, but sbatch is not on the PATH", hint },
    ];
  } catch (error) {
    const { code, message, hint } = serializeError(error);
    const why = `${code}: ${message}`;
    return [{ name, level: "fail", message: why, ...(hint === undefined ? {} : { hint }) }];
  }
}
