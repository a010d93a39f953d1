/** tfjs on its wasm backend, made fit for training; `transposed` gives it what makes its products fast there. */
import { dirname, sep } from "node:path";
import { fileURLToPath } from "node:url";
import { setWasmPaths } from "@tensorflow/tfjs-backend-wasm";
import * as tf from "@tensorflow/tfjs";

/** a·bᵀ over the last two axes. */
export type ProductWithTransposed = (a: tf.Tensor, b: tf.Tensor) => tf.Tensor;

/** `transposed`: products and their gradients get their transposes as tensors of their own, not as `matMul`'s flags. */
export async function openTfjsWasm(transposed: boolean): Promise<ProductWithTransposed> {
  setWasmPaths(dirname(fileURLToPath(import.meta.resolve("@tensorflow/tfjs-backend-wasm"))) + sep);
  await tf.setBackend("wasm");
  await tf.ready();
  registerSegmentSum();
  if (!transposed) return (a, b) => tf.matMul(a, b, false, true);
  registerTransposedGradient();
  return (a, b) => tf.matMul(a, swapped(b));
}

/** The gradient of `tf.gather` asks for a kernel that wasm has not: here out of one that it has. */
function registerSegmentSum(): void {
  tf.registerKernel({
    kernelName: "UnsortedSegmentSum",
    backendName: "wasm",
    kernelFunc({ inputs: { x, segmentIds }, attrs }) {
      if (!isTensor(x) || !isTensor(segmentIds)) throw new Error("not tensors");
      const shape = [Number(attrs?.["numSegments"]), ...x.shape.slice(1)];
      return tf.scatterND(tf.expandDims(segmentIds, 1), x, shape);
    },
  });
}

/** Of products without flags: dA = dY·Bᵀ, dB = Aᵀ·dY. */
function registerTransposedGradient(): void {
  tf.registerGradient({
    kernelName: "BatchMatMul",
    inputsToSave: ["a", "b"],
    gradFunc(dy, [a, b]) {
      if (Array.isArray(dy) || a === undefined || b === undefined) throw new Error("not a product");
      return { a: () => tf.matMul(dy, swapped(b)), b: () => tf.matMul(swapped(a), dy) };
    },
  });
}

function isTensor(info: tf.TensorInfo | undefined): info is tf.Tensor {
  return info instanceof tf.Tensor;
}

/** The last two axes exchanged, in memory. */
function swapped(x: tf.Tensor): tf.Tensor {
  const axes = x.shape.map((_, axis) => axis);
  return tf.transpose(x, [...axes.slice(0, -2), x.rank - 1, x.rank - 2]);
}
