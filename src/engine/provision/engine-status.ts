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
import { cudaLabel, cudaText } from "./cuda-label.ts";
import type { BuildWay } from "./engine-build.ts";
import { environmentLabel, environmentSettings } from "./environment-label.ts";
import { findBuild, type BuildKind } from "./installed-builds.ts";

export type EngineKind = EngineIdentity["kind"];
/** `tensorflow-cpu` and `tensorflow-gpu` insist on a build without CUDA, or with it. */
export type EngineWish = EngineKind | `tensorflow-${BuildKind}`;

export type TensorflowState =
  | {
      /** The package's own loader finds it, or it stands in the user's cache folder only. */
      readonly state: "linked" | "installed";
      readonly version: string;
      /** Holds the binding. */
      readonly path: string;
      readonly how: BuildWay | "package";
      /** Built with CUDA; not whether there is a GPU. */
      readonly cuda: boolean;
      /** For identities: behind the version, where the build brings CUDA's libraries. */
      readonly label: string;
      /** What it brings of CUDA, e.g. `CUDA 12.9.79, cuDNN 9.14.0.64`. */
      readonly cudaText?: string;
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
  wish: EngineWish | undefined = engineWish(),
  bindingPackage?: BindingPackage,
): Promise<EngineStatus> {
  const { kind, build } = partsOf(wish);
  const tensorflow = tensorflowState(bindingPackage ?? findBindingPackage(), build);
  const why = wish === undefined ? [] : [`${wish} was asked for (PIPELINE_ENGINE or an option)`];
  const native = describe(tensorflow);
  if (tensorflow.state !== "absent" && (kind ?? "tensorflow") === "tensorflow") {
    const device = tensorflow.cuda && gpuVisible() ? "gpu" : "cpu";
    const version = `${tensorflow.version}${tensorflow.label}${environmentLabel()}`;
    const chosen = { kind: "tensorflow", version, device } as const;
    const settings = environmentSettings().map((setting) => `${setting} changes what it computes`);
    return { chosen, reasons: [...why, native, ...settings], tensorflow };
  }
  if (kind === "tensorflow")
    throw new PipelineError({
      code: "ENGINE_UNAVAILABLE",
      message: `the ${wish ?? kind} engine was asked for, but ${native}`,
      hint: `npx pipeline engine install${build === undefined ? "" : ` --${build}`}`,
      kind: "user",
    });
  const wasmWorks = "WebAssembly" in globalThis;
  const chosenKind = kind ?? (wasmWorks ? "wasm" : "cpu");
  const reasons = [...why, native, ...(wasmWorks ? [] : ["this Node runs without WebAssembly"])];
  return { chosen: { kind: chosenKind, version: await tfjsVersion(), device: "cpu" }, reasons, tensorflow };
}

const WISHES: readonly string[] = ["tensorflow", "tensorflow-cpu", "tensorflow-gpu", "wasm", "cpu"];
const isWish = (word: string): word is EngineWish => WISHES.includes(word);

/** What PIPELINE_ENGINE says. Throws `ENGINE_UNKNOWN`. */
function engineWish(): EngineWish | undefined {
  const word = process.env["PIPELINE_ENGINE"];
  if (word === undefined || word === "") return undefined;
  if (isWish(word)) return word;
  throw userError(
    "ENGINE_UNKNOWN",
    `PIPELINE_ENGINE=${word} names no engine`,
    "use tensorflow, tensorflow-cpu, tensorflow-gpu, wasm or cpu, or unset it",
  );
}

function partsOf(wish: EngineWish | undefined): {
  kind: EngineKind | undefined;
  build: BuildKind | undefined;
} {
  if (wish === "tensorflow-cpu") return { kind: "tensorflow", build: "cpu" };
  if (wish === "tensorflow-gpu") return { kind: "tensorflow", build: "gpu" };
  return { kind: wish, build: undefined };
}

function tensorflowState(
  bindingPackage: BindingPackage | undefined,
  kind: BuildKind | undefined,
): TensorflowState {
  if (bindingPackage === undefined)
    return { state: "absent", reason: `the npm package ${BINDING_PACKAGE} is not installed` };
  const link = readLink(bindingPackage);
  const ownCuda = process.platform !== "darwin";
  if (link.kind === "own" && (kind === undefined || ownCuda === (kind === "gpu")))
    return {
      state: "linked",
      version: link.tensorflowVersion,
      path: bindingPackage.folder,
      how: "package",
      cuda: ownCuda,
      label: "",
    };
  const build = findBuild(bindingPackage, kind);
  if (build === undefined) {
    const which = kind === undefined ? "" : kind === "gpu" ? " with CUDA" : " without CUDA";
    return { state: "absent", reason: `native TensorFlow${which} is not installed` };
  }
  const { tensorflow: version, way: how, cuda } = build.record;
  const state = link.kind === "link" && link.buildFolder === build.folder ? "linked" : "installed";
  const text = cudaText(build.record);
  const found = { state, version, path: build.folder, how, cuda, label: cudaLabel(build.record) } as const;
  return text === undefined ? found : { ...found, cudaText: text };
}

function describe(tensorflow: TensorflowState): string {
  if (tensorflow.state === "absent") return tensorflow.reason;
  const where = tensorflow.state === "linked" ? "is linked into" : "is installed for";
  const cuda = tensorflow.cudaText === undefined ? "" : ` with ${tensorflow.cudaText}`;
  return `native TensorFlow ${tensorflow.version}${cuda} (${tensorflow.how}) ${where} ${BINDING_PACKAGE}`;
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
