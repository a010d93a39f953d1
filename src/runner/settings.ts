/**
 * settings.yaml in the project's root, optional: where this checkout runs its stages and whom it shares with. It says
 * nothing about results, so nothing of it is in a fingerprint; recipes (configs/) say what is computed.
 */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { z } from "zod";
import { loadConfig } from "../pipeline/config-load.ts";

export const SETTINGS_FILE = "settings.yaml";

// Schemas are made when they are needed: most starts have no settings.yaml, and making these is a fiftieth of such a start.
const slurmSettings = () =>
  z.strictObject({
    kind: z.literal("slurm"),
    partition: z.string().optional(),
    account: z.string().optional(),
    /** Of one slice of a stage, as sbatch takes it, e.g. `04:00:00`. */
    timeLimit: z.string().optional(),
    /** How long before the limit the stage is asked for a checkpoint. */
    signalSecondsBefore: z.int().positive().default(120),
    /** More arguments of sbatch, e.g. `--qos=high`. */
    arguments: z.array(z.string()).default([]),
    /** Shell lines before the stage starts, e.g. `module load cuda`. */
    setup: z.array(z.string()).default([]),
    /** What a stage with `cpus: Infinity` is given. Default: a node for itself. */
    allCpus: z.int().positive().optional(),
    /** The name of accelerators, e.g. `gpu:a100`; null asks for none. */
    gres: z.string().nullable().default("gpu"),
    /** How often squeue is asked, for all jobs of a run at once. */
    pollSeconds: z.number().positive().default(5),
    /** How long an answer may take to be seen after its job has left the queue, e.g. through a network file system. */
    graceSeconds: z.number().nonnegative().default(30),
  });

/** Where no settings say anything about Slurm. */
export const defaultSlurmSettings = (): SlurmSettings => slurmSettings().parse({ kind: "slurm" });

const remoteSettings = () =>
  z.strictObject({
    /** A folder, or `s3://bucket/prefix`. */
    url: z.string(),
    /** Of an S3-compatible service that is not Amazon's. */
    endpoint: z.url().optional(),
    region: z.string().optional(),
  });

/** Without a settings.yaml. */
const DEFAULT_SETTINGS = { executor: { kind: "local" as const }, trustedKeys: [] };

const settingsSchema = () =>
  z.strictObject({
    executor: z
      .discriminatedUnion("kind", [z.strictObject({ kind: z.literal("local") }), slurmSettings()])
      .default(DEFAULT_SETTINGS.executor),
    remote: remoteSettings().optional(),
    /** Public keys whose entries `pull` and `import-run` believe. */
    trustedKeys: z.array(z.string()).default(DEFAULT_SETTINGS.trustedKeys),
  });

export type Settings = z.infer<ReturnType<typeof settingsSchema>>;
export type SlurmSettings = z.infer<ReturnType<typeof slurmSettings>>;
export type RemoteSettings = z.infer<ReturnType<typeof remoteSettings>>;

/** Throws the user errors of config-load.ts; without a file, the defaults. */
export async function loadSettings(projectRoot: string): Promise<Settings> {
  if (!existsSync(join(projectRoot, SETTINGS_FILE))) return DEFAULT_SETTINGS;
  const schema = settingsSchema();
  const { value } = await loadConfig({ projectRoot, file: SETTINGS_FILE, schema });
  return schema.parse(value);
}
