/**
 * The tfjs interpreter: runs a program op by op on tfjs's wasm or cpu backend. The fallback where no native
 * TensorFlow can be had, and the cross-check of the other executor. One thread; bitwise deterministic.
 */
import * as tf from "@tensorflow/tfjs-core";
import { PipelineError } from "../../errors.ts";
import type { Engine } from "../engine.ts";
import type { Elements } from "./effects.ts";
import { InterpreterExecutable } from "./interpreter-executable.ts";
import type { Kernel } from "./kernel.ts";
import { tfjsKernel, type ComputedOp } from "./kernels.ts";
import { planFunction } from "./plan.ts";
import { openWasmHeap } from "./wasm-heap.ts";
import { wasmKernel } from "./wasm-kernels.ts";
import type { Tensor } from "../../tensor/graph.ts";
import { optimizeProgram } from "../../tensor/optimize.ts";

export type InterpreterBackend = "wasm" | "cpu";

/** Throws `ENGINE_UNAVAILABLE` where the backend does not start. */
export async function createInterpreterEngine(backend: InterpreterBackend): Promise<Engine> {
  await startBackend(backend);
  const { kernelOf, elements } = partsOf(backend);
  return {
    identity: { kind: backend, version: tf.version_core, device: "cpu" },
    compile(given) {
      const program = optimizeProgram(given);
      const plans = program.functions.map((fn) => planFunction(fn, kernelOf));
      return InterpreterExecutable.create(backend, program, plans, elements);
    },
  };
}

async function startBackend(backend: InterpreterBackend): Promise<void> {
  // Importing registers the backend. In Node wasm offers SIMD but no threads (tfjs#3830).
  if (backend === "wasm") await import("@tensorflow/tfjs-backend-wasm");
  else await import("@tensorflow/tfjs-backend-cpu");
  if (!(await tf.setBackend(backend)))
    throw new PipelineError({
      code: "ENGINE_UNAVAILABLE",
      message: `tfjs could not start its ${backend} backend`,
      hint: "Run `npm ci` again: files of @tensorflow/tfjs-backend-wasm may be missing.",
    });
  await tf.ready();
}

interface BackendParts {
  readonly kernelOf: (op: ComputedOp, node: Tensor) => Kernel;
  readonly elements: Elements;
}

function partsOf(backend: InterpreterBackend): BackendParts {
  if (backend === "cpu") return { kernelOf: tfjsKernel, elements: arrayOf };
  const heap = openWasmHeap();
  return {
    kernelOf: (op, node) => wasmKernel(heap, op, node),
    elements: (x) => heap.elements(x),
  };
}

/** The cpu backend hands out the arrays that it keeps. */
function arrayOf(x: tf.Tensor): ReturnType<Elements> {
  const data: unknown = tf.backend().readSync(x.dataId);
  if (data instanceof Float32Array || data instanceof Int32Array || data instanceof Uint8Array) return data;
  throw new Error(`no array of elements: ${x.dtype}`);
}
