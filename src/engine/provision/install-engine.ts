/**
 * Gives this machine the fastest engine that it can have: tries each way of getting native TensorFlow in
 * order and says why the ones before the first success failed. A build appears in the cache folder by one
 * rename, so an installation that is killed has not happened, and two at once do not disturb each other.
 */
import { mkdir, mkdtemp, readdir, rename, rm } from "node:fs/promises";
import { hostname } from "node:os";
import { basename, join } from "node:path";
import { PipelineError } from "../../errors.ts";
import { isRunning } from "../../std/process-identity.ts";
import {
  BINDING_PACKAGE,
  findBindingPackage,
  linkBuild,
  readLink,
  type BindingPackage,
} from "./binding-package.ts";
import { cudaText } from "./cuda-label.ts";
import { buildFromCudaWheels } from "./cuda-wheel-way.ts";
import {
  buildFolder,
  engineCacheFolder,
  readBuild,
  type BuildRecord,
  type BuildWay,
  type EngineBuild,
} from "./engine-build.ts";
import { writeBuildRecord } from "./write-build-record.ts";
import { aborted, wayFailed, type InstallContext, type InstallProgress } from "./install-context.ts";
import { findBuild, findBuilds, TENSORFLOW_VERSIONS, type BuildKind } from "./installed-builds.ts";
import { buildByPackageInstaller } from "./package-installer-way.ts";
import { probeBinding } from "./probe-binding.ts";
import { buildFromWheel } from "./wheel-way.ts";

export interface InstallOptions {
  /** Default: the package as this project resolves it. */
  readonly bindingPackage?: BindingPackage | undefined;
  /** Default: any that is there already, else the first that can be had; CUDA's own libraries only on request. */
  readonly kind?: BuildKind | undefined;
  readonly onProgress?: ((progress: InstallProgress) => void) | undefined;
  /** Told of everything that is tried again, with the pause before it. */
  readonly onNotice?: ((message: string) => void) | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** A way that was tried and cannot work here. */
export interface FailedWay {
  readonly way: BuildWay;
  readonly reason: string;
  /** What would mend it, where that is known. */
  readonly hint?: string;
}

export type InstallResult =
  /** Native TensorFlow is linked. `how` is "present" where it was installed before. */
  | {
      readonly kind: "tensorflow";
      readonly how: BuildWay | "present";
      readonly version: string;
      /** What it brings of CUDA, e.g. `CUDA 12.9.79, cuDNN 9.14.0.64`. */
      readonly cuda?: string;
      readonly path: string;
      readonly failed: readonly FailedWay[];
    }
  /** No way worked: what was there before is used, else the WebAssembly interpreter, several times slower. */
  | { readonly kind: "wasm"; readonly failed: readonly FailedWay[] };

/**
 * Installs native TensorFlow for this user and links it into the npm package.
 * Throws `DIGEST_MISMATCH` (a download is not the pinned file), `ABORTED`, `ENGINE_UNAVAILABLE` (the npm
 * package is not there), `ENGINE_CACHE_UNWRITABLE`. That a way cannot work here is no error.
 */
export async function installEngine(options: InstallOptions = {}): Promise<InstallResult> {
  const { onProgress = () => undefined, onNotice = () => undefined, signal } = options;
  const bindingPackage = options.bindingPackage ?? findBindingPackage();
  if (bindingPackage === undefined)
    throw new PipelineError({
      code: "ENGINE_UNAVAILABLE",
      message: `the npm package ${BINDING_PACKAGE} is not installed`,
      hint: "npm ci",
    });
  const { kind } = options;
  const link = readLink(bindingPackage);
  if (link.kind === "own" && kind !== "cpu") return present(link.tensorflowVersion, bindingPackage.folder);

  const finish = async (how: BuildWay | "present", build: EngineBuild, failed: readonly FailedWay[]) => {
    onProgress({ phase: "link", message: `linking TensorFlow ${build.record.tensorflow}` });
    // A binding of the package's own stays; the build is loaded from where it stands.
    if (link.kind !== "own") await linkBuild(bindingPackage, build);
    return installed(how, build, failed);
  };
  const found = kind === undefined ? findBuild(bindingPackage) : undefined;
  if (found !== undefined) {
    const isLinked = link.kind === "link" && link.buildFolder === found.folder;
    return isLinked ? installed("present", found, []) : await finish("present", found, []);
  }

  const failed: FailedWay[] = [];
  const downloadFolder = join(engineCacheFolder(), "downloads");
  for (const way of WAYS[kind ?? "any"]) {
    const there = findBuilds(bindingPackage).find(({ record }) => record.way === way);
    if (there !== undefined) return await finish("present", there, failed);
    const workFolder = await createWorkFolder();
    try {
      const telling = { onProgress, onNotice, signal };
      const build = await install(way, { bindingPackage, workFolder, downloadFolder, ...telling });
      // Another installation may be using what this one fetched; then the last one to end clears it away.
      if (await isAlone(workFolder)) await rm(downloadFolder, { recursive: true, force: true });
      return await finish(way, build, failed);
    } catch (error) {
      if (signal?.aborted === true) throw aborted(error);
      if (!isExpected(error)) throw error;
      const hint = error instanceof PipelineError ? error.hint : undefined;
      failed.push({ way, reason: error.message, ...(hint === undefined ? {} : { hint }) });
    } finally {
      await rm(workFolder, { recursive: true, force: true });
    }
  }
  return { kind: "wasm", failed };
}

/**
 * In the order in which they are tried. On request the wheel with CUDA comes first: what the package's own installer
 * fetches is linked against CUDA 11.2 and cuDNN 8.1, which it does not bring along.
 */
const WAYS: Readonly<Record<BuildKind | "any", readonly BuildWay[]>> = {
  any: ["package-installer", "wheel"],
  cpu: ["wheel"],
  gpu: ["cuda-wheel", "package-installer"],
};

function installed(
  how: BuildWay | "present",
  { folder, record }: EngineBuild,
  failed: readonly FailedWay[],
): InstallResult {
  const cuda = cudaText(record);
  const version = record.tensorflow;
  return { kind: "tensorflow", how, version, ...(cuda === undefined ? {} : { cuda }), path: folder, failed };
}

const present = (version: string, path: string): InstallResult => ({
  kind: "tensorflow",
  how: "present",
  version,
  path,
  failed: [],
});

const BUILDERS: Readonly<
  Record<
    BuildWay,
    (context: InstallContext, target: string) => Promise<Pick<BuildRecord, "source" | "cudaWheels">>
  >
> = {
  "package-installer": buildByPackageInstaller,
  wheel: buildFromWheel,
  "cuda-wheel": buildFromCudaWheels,
};

async function install(way: BuildWay, context: InstallContext): Promise<EngineBuild> {
  if (context.signal?.aborted === true) throw aborted();
  const target = join(context.workFolder, "build");
  const origin = await BUILDERS[way](context, target);
  const tensorflow = await probeBinding(context, target);
  if (tensorflow !== TENSORFLOW_VERSIONS[way])
    throw wayFailed(`got TensorFlow ${tensorflow} where ${TENSORFLOW_VERSIONS[way]} was expected`);
  const { version: binding } = context.bindingPackage;
  await writeBuildRecord(target, { way, tensorflow, binding, ...origin });
  return await publish(target, buildFolder(way, binding, tensorflow));
}

/** Moves a finished build to its place. Where another process was faster, its build is taken. */
async function publish(target: string, folder: string): Promise<EngineBuild> {
  try {
    await rename(target, folder);
  } catch {
    const theirs = readBuild(folder);
    if (theirs !== undefined) return theirs;
    // What stands there is no engine (a file was deleted by hand): out of the way with it.
    await rename(folder, `${target}-broken`);
    await rename(target, folder);
  }
  const build = readBuild(folder);
  if (build === undefined) throw wayFailed(`${folder} vanished while it was being installed`);
  return build;
}

/** A way that says it cannot work here, no network, or a disk that is full or read-only. Anything else is thrown. */
function isExpected(error: unknown): error is Error {
  if (error instanceof PipelineError)
    return error.code === "ENGINE_WAY_FAILED" || error.code === "NETWORK_UNAVAILABLE";
  return error instanceof Error && "syscall" in error && typeof error.syscall === "string";
}

const isAlone = async (workFolder: string): Promise<boolean> =>
  (await readdir(engineCacheFolder())).every(
    (name) => !name.startsWith("partial-") || name === basename(workFolder),
  );

/** A fresh folder in the cache, named after the process so that what a killed installation left can be told. */
async function createWorkFolder(): Promise<string> {
  const root = engineCacheFolder();
  const mine = `partial-${hostname()}-`;
  try {
    await mkdir(root, { recursive: true });
    for (const name of await readdir(root)) {
      const pid = name.startsWith(mine) ? Number(name.slice(mine.length).split("-")[0]) : undefined;
      if (pid !== undefined && !isRunning(pid)) await rm(join(root, name), { recursive: true, force: true });
    }
    return await mkdtemp(join(root, `${mine}${process.pid}-`));
  } catch (cause) {
    throw new PipelineError({
      code: "ENGINE_CACHE_UNWRITABLE",
      message: `cannot write to ${root}: ${String(cause)}`,
      hint: "set XDG_CACHE_HOME to a folder that you may write to",
      cause,
    });
  }
}
