/**
 * Which engine `openEngine` would use and why, from a handful of small files: no native code, no network.
 * The answer goes into fingerprints, so it must agree exactly with what `openEngine` then opens.
 */
import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { PipelineError, userError } from "../../errors.ts";
import type { EngineIdentity } from "../engine.ts";
import { BINDING_PACKAGE, findBindingPackage, readLink, type BindingPackage } from "./binding-package.ts";
import type { BuildWay } from "./engine-build.ts";
import { findCachedBuild, findLinkedBuild } from "./installed-builds.ts";

export type EngineKind = EngineIdentity["kind"];

export type TensorflowState =
  /** The package's loader finds it. */
  | {
      readonly state: "linked";
      readonly version: string;
      readonly path: string;
      readonly how: BuildWay | "package";
      readonly cuda: boolean;
    }
  /** It stands in the user's cache folder; `openEngine` links it. */
  | {
      readonly state: "installed";
      readonly version: string;
      readonly path: string;
      readonly how: BuildWay;
      readonly cuda: boolean;
    }
  | { readonly state: "absent"; readonly reason: string };

export interface EngineStatus {
  readonly chosen: EngineIdentity;
  /** Sentences, the decisive one first. */
  readonly reasons: readonly string[];
  readonly tensorflow: TensorflowState;
}

/**
 * @param kind what the caller insists on; by default what the environment variable PIPELINE_ENGINE says.
 * @param bindingPackage default: the package as this project resolves it.
 * Throws `ENGINE_UNKNOWN` for a word that names no engine, `ENGINE_UNAVAILABLE` where the engine insisted
 * on is not installed.
 */
export async function engineStatus(
  kind: EngineKind | undefined = forcedKind(),
  bindingPackage?: BindingPackage,
): Promise<EngineStatus> {
  const tensorflow = await tensorflowState(bindingPackage ?? (await findBindingPackage()));
  const why = kind === undefined ? [] : [`${kind} was asked for (PIPELINE_ENGINE or an option)`];
  const native = describe(tensorflow);
  if (tensorflow.state !== "absent" && (kind ?? "tensorflow") === "tensorflow") {
    const device = tensorflow.cuda && gpuVisible() ? "gpu" : "cpu";
    const chosen = { kind: "tensorflow", version: tensorflow.version, device } as const;
    return { chosen, reasons: [...why, native], tensorflow };
  }
  if (kind === "tensorflow")
    throw new PipelineError({
      code: "ENGINE_UNAVAILABLE",
      message: `the tensorflow engine was asked for, but ${native}`,
      hint: "npx pipeline engine install",
      kind: "user",
    });
  const wasmWorks = "WebAssembly" in globalThis;
  const chosenKind = kind ?? (wasmWorks ? "wasm" : "cpu");
  const reasons = [...why, native, ...(wasmWorks ? [] : ["this Node runs without WebAssembly"])];
  return { chosen: { kind: chosenKind, version: await tfjsVersion(), device: "cpu" }, reasons, tensorflow };
}

function forcedKind(): EngineKind | undefined {
  const word = process.env["PIPELINE_ENGINE"];
  if (word === undefined || word === "") return undefined;
  if (word === "tensorflow" || word === "wasm" || word === "cpu") return word;
  throw userError(
    "ENGINE_UNKNOWN",
    `PIPELINE_ENGINE=${word} names no engine`,
    "use tensorflow, wasm or cpu, or unset it",
  );
}

async function tensorflowState(bindingPackage: BindingPackage | undefined): Promise<TensorflowState> {
  if (bindingPackage === undefined)
    return { state: "absent", reason: `the npm package ${BINDING_PACKAGE} is not installed` };
  const link = await readLink(bindingPackage);
  if (link.kind === "own")
    return {
      state: "linked",
      version: link.tensorflowVersion,
      path: bindingPackage.folder,
      how: "package",
      cuda: process.platform !== "darwin",
    };
  const linked = await findLinkedBuild(bindingPackage);
  const build = linked ?? (await findCachedBuild(bindingPackage));
  if (build === undefined) return { state: "absent", reason: "native TensorFlow is not installed" };
  const { tensorflow: version, way: how, cuda } = build.record;
  const state = linked === undefined ? "installed" : "linked";
  return { state, version, path: build.folder, how, cuda };
}

function describe(tensorflow: TensorflowState): string {
  if (tensorflow.state === "absent") return tensorflow.reason;
  const where = tensorflow.state === "linked" ? "is linked into" : "is installed for";
  return `native TensorFlow ${tensorflow.version} (${tensorflow.how}) ${where} ${BINDING_PACKAGE}`;
}

/** The NVIDIA driver is loaded and no empty CUDA_VISIBLE_DEVICES hides its devices. */
function gpuVisible(): boolean {
  const visible = process.env["CUDA_VISIBLE_DEVICES"];
  return existsSync("/dev/nvidiactl") && visible !== "" && visible !== "-1";
}

async function tfjsVersion(): Promise<string> {
  const manifest = createRequire(import.meta.url).resolve("@tensorflow/tfjs-core/package.json");
  return (JSON.parse(await readFile(manifest, "utf8")) as { version: string }).version;
}
