/**
 * The native TensorFlow runtime in this process. Of tfjs-node-gpu only the native binding is loaded and not
 * the package's main module: that one selects itself as tfjs's backend for the whole process, under the
 * feet of the interpreter, and wraps every tensor once more.
 */
import { realpathSync } from "node:fs";
import { createRequire } from "node:module";
import { availableParallelism } from "node:os";
import type { TFJSBinding } from "@tensorflow/tfjs-node-gpu/dist/tfjs_binding.js";
import { PipelineError } from "../../errors.ts";
import type { HostDType } from "../../tensor/types.ts";
import { BINDING_PACKAGE } from "../provision/binding-package.ts";
import { restoreNodeUtil } from "./restore-node-util.ts";
import { BINDING_FILE } from "../provision/engine-build.ts";

export interface NativeTensorflow {
  readonly binding: TFJSBinding;
  readonly version: string;
  readonly device: "cpu" | "gpu";
  /** As the library was told, or as it counts by itself: one for each core that this process may use. */
  readonly threadsPerOperation: number;
  /** The binding's numbers of element types. */
  readonly dtypes: Readonly<Record<HostDType, number>>;
}

/** Only the first load in a process reads them. */
export interface NativeOptions {
  /** Threads of TensorFlow's pools; by default one per core. */
  readonly threads?: number | undefined;
  /** Of them, how many share one operation; default: all. With one, operations that do not wait for each other run side by side. */
  readonly threadsPerOperation?: number | undefined;
  /** Whether kernels that add in no fixed order are left for those that do; on the CPU all of ours do. Default: no. */
  readonly deterministic?: boolean | undefined;
  /** The binding to load; default: where the package's own loader looks. */
  readonly bindingFile?: string | undefined;
}

let loaded: NativeTensorflow | undefined;

/** Loads the library, or returns the one that is loaded. Throws `ENGINE_UNAVAILABLE`. */
export function loadNativeTensorflow(options: NativeOptions = {}): NativeTensorflow {
  loaded ??= load(options);
  return loaded;
}

function load({
  threads,
  threadsPerOperation = threads,
  deterministic,
  bindingFile,
}: NativeOptions): NativeTensorflow {
  restoreNodeUtil();
  // TensorFlow reads all of these once, while it loads.
  process.env["TF_ENABLE_ONEDNN_OPTS"] ??= "1";
  process.env["TF_CPP_MIN_LOG_LEVEL"] ??= "2";
  if (deterministic === true) process.env["TF_DETERMINISTIC_OPS"] ??= "1";
  if (threads !== undefined) process.env["TF_NUM_INTEROP_THREADS"] = String(threads);
  if (threadsPerOperation !== undefined) process.env["TF_NUM_INTRAOP_THREADS"] = String(threadsPerOperation);
  try {
    const file = bindingFile ?? createRequire(import.meta.url).resolve(`${BINDING_PACKAGE}/${BINDING_FILE}`);
    const loading = { exports: {} as TFJSBinding };
    // What it needs it finds from where it really stands, which a link is not.
    process.dlopen(loading, realpathSync(file));
    const binding = loading.exports;
    return {
      binding,
      version: binding.TF_Version,
      device: binding.isUsingGpuDevice() ? "gpu" : "cpu",
      threadsPerOperation: Number(process.env["TF_NUM_INTRAOP_THREADS"]) || availableParallelism(),
      dtypes: { float32: binding.TF_FLOAT, int32: binding.TF_INT32, bool: binding.TF_BOOL },
    };
  } catch (cause) {
    throw new PipelineError({
      code: "ENGINE_UNAVAILABLE",
      message: `native TensorFlow cannot be loaded: ${reasonOf(cause)}`,
      hint: "npx pipeline engine install, or set PIPELINE_ENGINE=wasm",
      cause,
    });
  }
}

export const reasonOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));
