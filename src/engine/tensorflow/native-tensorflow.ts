/**
 * The native TensorFlow runtime in this process: loads tfjs-node-gpu once and offers the few calls that the
 * executor makes. A process has one such runtime; what it reads from the environment it reads once.
 */
import { createRequire } from "node:module";
import util from "node:util";
import type { Tensor as TfjsTensor } from "@tensorflow/tfjs-core";
import { PipelineError } from "../../errors.ts";
import type { DType, HostTensor, Shape } from "../../tensor/types.ts";

/** The public methods of tfjs-node's NodeJSKernelBackend that run SavedModels. */
interface SavedModelBackend {
  loadSavedModelMetaGraph(folder: string, tags: string): number;
  runSavedModel(
    session: number,
    inputs: readonly TfjsTensor[],
    inputInfos: readonly { readonly name: string; readonly tfDtype: string }[],
    outputNames: readonly string[],
  ): TfjsTensor[];
  deleteSavedModel(session: number): void;
  readonly isUsingGpuDevice: boolean;
  readonly binding: { readonly TF_Version: string };
}

/** What is used of the package's exports. */
interface TfjsNode {
  tensor(values: HostTensor["data"], shape: number[], dtype: DType): TfjsTensor;
  findBackend(name: string): unknown;
  memory(): { readonly numTensors: number };
}

export interface NativeTensorflow {
  readonly tf: TfjsNode;
  readonly backend: SavedModelBackend;
  readonly version: string;
  readonly device: "cpu" | "gpu";
}

export interface ThreadOptions {
  /** Threads that one operation may use; by default one per core. Read by the first load only. */
  readonly threads?: number | undefined;
}

let loaded: NativeTensorflow | undefined;

/** Throws `ENGINE_UNAVAILABLE` where the binding cannot be loaded. */
export function loadNativeTensorflow({ threads }: ThreadOptions = {}): NativeTensorflow {
  if (loaded !== undefined) return loaded;
  // All of these are read while the library loads, and not again.
  process.env["TF_ENABLE_ONEDNN_OPTS"] ??= "1";
  process.env["TF_CPP_MIN_LOG_LEVEL"] ??= "2";
  if (threads !== undefined) {
    process.env["TF_NUM_INTRAOP_THREADS"] = String(threads);
    process.env["TF_NUM_INTEROP_THREADS"] = String(threads);
  }
  restoreRemovedUtilities();
  let tf: TfjsNode;
  try {
    tf = createRequire(import.meta.url)("@tensorflow/tfjs-node-gpu") as TfjsNode;
  } catch (cause) {
    throw new PipelineError({
      code: "ENGINE_UNAVAILABLE",
      message: `native TensorFlow cannot be loaded: ${cause instanceof Error ? cause.message : String(cause)}`,
      hint: "npx pipeline engine install, or set PIPELINE_ENGINE=wasm",
      cause,
    });
  }
  const backend = tf.findBackend("tensorflow") as SavedModelBackend;
  const device = backend.isUsingGpuDevice ? "gpu" : "cpu";
  loaded = { tf, backend, version: backend.binding.TF_Version, device };
  return loaded;
}

/** Node 23 removed two functions that tfjs-node 4.22, its last release, still calls. */
function restoreRemovedUtilities(): void {
  const removed = {
    isNullOrUndefined: (value: unknown) => value === null || value === undefined,
    isArray: (value: unknown) => Array.isArray(value),
  };
  for (const [name, replacement] of Object.entries(removed))
    if (!(name in util)) Object.defineProperty(util, name, { value: replacement, configurable: true });
}

export interface Feed {
  readonly node: string;
  readonly value: HostTensor;
}

/** A loaded SavedModel: its graph, and the variables in it. */
export class NativeSession {
  readonly #native: NativeTensorflow;
  readonly #session: number;

  constructor(native: NativeTensorflow, folder: string, tag: string) {
    this.#native = native;
    this.#session = attempt("load the compiled program", () =>
      native.backend.loadSavedModelMetaGraph(folder, tag),
    );
  }

  /** Blocks until `outputs` (node names) are there. Throws `ENGINE_FAILED`. */
  run(what: string, feeds: readonly Feed[], outputs: readonly string[]): HostTensor[] {
    const { tf, backend } = this.#native;
    const inputs = feeds.map(({ value }) => tf.tensor(value.data, [...value.shape], value.dtype));
    try {
      const infos = feeds.map(({ node, value }) => ({ name: node, tfDtype: TF_DTYPE[value.dtype] }));
      const results = attempt(what, () => backend.runSavedModel(this.#session, inputs, infos, outputs));
      try {
        return results.map(toHost);
      } finally {
        for (const result of results) result.dispose();
      }
    } finally {
      for (const input of inputs) input.dispose();
    }
  }

  /** Frees graph and variables. */
  close(): void {
    this.#native.backend.deleteSavedModel(this.#session);
  }
}

const TF_DTYPE: Readonly<Record<DType, string>> = { float32: "DT_FLOAT", int32: "DT_INT32", bool: "DT_BOOL" };

/** Copies a result out of TensorFlow's memory. */
function toHost(result: TfjsTensor): HostTensor {
  const shape: Shape = result.shape;
  const data = result.dataSync();
  if (data instanceof Float32Array) return { dtype: "float32", shape, data };
  if (data instanceof Int32Array) return { dtype: "int32", shape, data };
  return { dtype: "bool", shape, data };
}

function attempt<Result>(what: string, work: () => Result): Result {
  try {
    return work();
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new PipelineError({
      code: "ENGINE_FAILED",
      message: `TensorFlow could not ${what}: ${reason}`,
      cause,
    });
  }
}
