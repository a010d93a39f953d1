/**
 * A built engine on disk: the native binding of tfjs-node-gpu and the TensorFlow libraries it is linked
 * against, laid out as the package lays them out, with a record (engine.json) of what they are. A folder
 * without a sound record is not an engine. Nothing here builds or loads one.
 */
import { readFileSync, statSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";
import { z } from "zod";

/**
 * How a build came to be: the package's own installer; or a C++ compiler and the official wheel for CPUs, or the one
 * with CUDA and CUDA's own wheels.
 */
export type BuildWay = "package-installer" | "wheel" | "cuda-wheel";

/** Where the package's loader looks, relative to the package and to a build. */
export const BINDING_FILE = "lib/napi-v8/tfjs_binding.node";
export const LIBRARY_FOLDER = "deps/lib";
/** The Node-API version in `BINDING_FILE`; every Node ≥ 20.19 offers it. */
export const NAPI_VERSION = 8;

const RECORD_FILE = "engine.json";

const recordSchema = z.strictObject({
  format: z.literal(1),
  way: z.enum(["package-installer", "wheel", "cuda-wheel"]),
  /** As the library itself says (TF_Version). */
  tensorflow: z.string(),
  /** Version of @tensorflow/tfjs-node-gpu, whose binding this is. */
  binding: z.string(),
  platform: z.string(),
  /** Whether the library was built with CUDA; not whether there is a GPU. */
  cuda: z.boolean(),
  /** What the libraries were taken from, where that was verified. */
  source: z.strictObject({ file: z.string(), sha256: z.string() }).optional(),
  /** CUDA's wheels, where they are part of the build; by name. */
  cudaWheels: z
    .array(z.strictObject({ project: z.string(), version: z.string(), file: z.string(), sha256: z.string() }))
    .optional(),
  /** By path relative to the build. */
  files: z.record(z.string(), z.strictObject({ bytes: z.number(), sha256: z.string() })),
});

export type BuildRecord = z.output<typeof recordSchema>;

export interface EngineBuild {
  readonly folder: string;
  readonly record: BuildRecord;
}

export const platformName = (): string => `${process.platform}-${process.arch}`;

/** What this user keeps about this machine: `$XDG_CACHE_HOME/minilm-pipeline`, by default under `~/.cache`. */
export function userCacheFolder(): string {
  const cache = process.env["XDG_CACHE_HOME"];
  const base = cache === undefined || cache === "" ? join(homedir(), ".cache") : cache;
  return join(base, "minilm-pipeline");
}

export const engineCacheFolder = (): string => join(userCacheFolder(), "engine");

/** One folder per way, binding version and TensorFlow version, so that an upgrade never meets an old build. */
export const buildFolder = (way: BuildWay, bindingVersion: string, tensorflowVersion: string): string =>
  join(
    engineCacheFolder(),
    `tfjs-${bindingVersion}-${way}-tensorflow-${tensorflowVersion}-${platformName()}`,
  );

export const recordText = (record: BuildRecord): string =>
  `${JSON.stringify(recordSchema.parse(record), null, 2)}\n`;
export const recordFile = (folder: string): string => join(folder, RECORD_FILE);

/** The build in `folder`, or undefined where there is none or one of its files is gone or cut short. */
export function readBuild(folder: string): EngineBuild | undefined {
  const record = readRecord(folder);
  if (record?.platform !== platformName()) return undefined;
  const isWhole = Object.entries(record.files).every(
    ([path, { bytes }]) => statSync(join(folder, path), { throwIfNoEntry: false })?.size === bytes,
  );
  return isWhole ? { folder, record } : undefined;
}

function readRecord(folder: string): BuildRecord | undefined {
  try {
    return recordSchema.parse(JSON.parse(readFileSync(recordFile(folder), "utf8")));
  } catch {
    // No folder, no file, or not a record: in each case there is no engine here, which is an ordinary answer.
    return undefined;
  }
}
