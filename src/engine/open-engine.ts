/**
 * Opens the fastest engine that this machine has: native TensorFlow, else the tfjs interpreter. Imports
 * neither until it is called.
 */
import { join } from "node:path";
import { PipelineError } from "../errors.ts";
import type { Engine } from "./engine.ts";
import { BINDING_FILE } from "./provision/engine-build.ts";
import { environmentLabel } from "./provision/environment-label.ts";
import { engineStatus, type EngineStatus, type EngineWish } from "./provision/engine-status.ts";
import { linkEngine } from "./provision/link-engine.ts";

export interface OpenEngineOptions {
  /** Default: what PIPELINE_ENGINE says, else the fastest. */
  readonly kind?: EngineWish | undefined;
  /** Native threads; default: one per core. The first engine of the process decides. */
  readonly threads?: number | undefined;
  /** Native threads that share one operation; default: all. */
  readonly threadsPerOperation?: number | undefined;
}

/**
 * The engine that `engineStatus` names, with exactly that identity, because fingerprints hold it.
 * Throws `ENGINE_UNAVAILABLE`, `ENGINE_UNKNOWN`.
 */
export async function openEngine({ kind, ...threads }: OpenEngineOptions = {}): Promise<Engine> {
  const status = await engineStatus(kind);
  const { chosen } = status;
  const engine = await open(status, threads);
  const { version, device } = engine.identity;
  if (version === chosen.version && device === chosen.device) return engine;
  throw new PipelineError({
    code: "ENGINE_UNAVAILABLE",
    message:
      `expected ${chosen.kind} ${chosen.version} on the ${chosen.device}, ` +
      `got ${version} on the ${device}`,
    hint:
      chosen.device === "gpu"
        ? "TensorFlow cannot use the GPU that is here: set CUDA_VISIBLE_DEVICES=-1 to compute on the CPU"
        : "npx pipeline engine remove && npx pipeline engine install",
  });
}

async function open(
  { chosen, tensorflow }: EngineStatus,
  threads: Omit<OpenEngineOptions, "kind">,
): Promise<Engine> {
  if (chosen.kind !== "tensorflow") {
    const { createInterpreterEngine } = await import("./interpreter/interpreter-engine.ts");
    return createInterpreterEngine(chosen.kind);
  }
  if (tensorflow.state === "absent") throw new Error("an engine that is absent was chosen");
  await linkEngine();
  const { createTensorflowEngine } = await import("./tensorflow/tensorflow-engine.ts");
  // By its path: the link is there for whoever loads the package, and another process may be changing it.
  const label = `${tensorflow.label}${environmentLabel()}`;
  const engine = createTensorflowEngine({
    ...threads,
    bindingFile: join(tensorflow.path, BINDING_FILE),
    deterministic: chosen.device === "gpu",
  });
  const { identity } = engine;
  return { ...engine, identity: { ...identity, version: `${identity.version}${label}` } };
}
