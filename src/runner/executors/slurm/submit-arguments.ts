/** What sbatch is told about one job. */
import type { Resources } from "../../../pipeline/stage.ts";
import type { SlurmSettings } from "../../settings.ts";
import { jobFiles } from "./job-files.ts";

export interface JobIdentity {
  readonly fingerprint: string;
  readonly attempt: string;
  readonly directory: string;
}

const MEBIBYTE = 1024 * 1024;
const MINUTE_MS = 60_000;

/** The settings' own arguments come last: sbatch takes the last of two that contradict each other. */
export function submitArguments(
  { fingerprint, attempt, directory }: JobIdentity,
  resources: Resources,
  settings: SlurmSettings,
): string[] {
  const { partition, account, signalSecondsBefore } = settings;
  const { batchLog } = jobFiles(directory);
  return [
    "--parsable",
    `--job-name=${fingerprint}`,
    `--comment=${attempt}`,
    `--chdir=${directory}`,
    `--output=${batchLog.replaceAll("%", "%%")}`,
    "--open-mode=append",
    "--requeue",
    "--nodes=1",
    "--ntasks=1",
    `--signal=B:USR1@${signalSecondsBefore}`,
    ...(partition === undefined ? [] : [`--partition=${partition}`]),
    ...(account === undefined ? [] : [`--account=${account}`]),
    ...resourceArguments(resources, settings),
    ...settings.arguments,
  ];
}

/** `cpus: Infinity` is a node for itself, unless the settings say how many CPUs that means. */
function resourceArguments(
  { cpus = 1, memoryBytes, accelerators = 0, timeLimitMs }: Resources,
  { allCpus, gres, timeLimit }: SlurmSettings,
): string[] {
  const slots = cpus === Infinity ? allCpus : Math.max(1, Math.ceil(cpus));
  const time =
    timeLimitMs === undefined ? timeLimit : String(Math.max(1, Math.ceil(timeLimitMs / MINUTE_MS)));
  const wholeNode = slots === undefined;
  return [
    wholeNode ? "--exclusive" : `--cpus-per-task=${slots}`,
    // 0 is all of the node's.
    ...(memoryBytes === undefined
      ? wholeNode
        ? ["--mem=0"]
        : []
      : [`--mem=${Math.max(1, Math.ceil(memoryBytes / MEBIBYTE))}M`]),
    ...(accelerators === 0 || gres === null ? [] : [`--gres=${gres}:${accelerators}`]),
    ...(time === undefined ? [] : [`--time=${time}`]),
  ];
}
