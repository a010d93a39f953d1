/**
 * Direct access to the memory of tfjs-backend-wasm: tensors as typed arrays in place, and its 2-D matrix product
 * on parts of tensors without copying them. Relies on internals of the pinned release 4.22, the last one.
 */
import * as tf from "@tensorflow/tfjs-core";
import { BackendWasm } from "@tensorflow/tfjs-backend-wasm";
import type { Shape } from "../../tensor/types.ts";

export interface WasmHeap {
  /** A new tensor whose elements are not set. */
  allocate(shape: Shape, dtype: "float32" | "int32"): tf.Tensor;
  /** The elements of a float32 tensor, in place. Stale after the next allocation. */
  floats(x: tf.Tensor): Float32Array;
  /**
   * The elements of an int32 tensor, or the bits of a float32 one: loops that only move elements then see one type
   * of array. Stale after the next allocation.
   */
  words(x: tf.Tensor): Int32Array;
  /** The elements of any tensor, in place. Stale after the next allocation. */
  elements(x: tf.Tensor): Float32Array | Int32Array | Uint8Array;
  /** out[i] = a[i]·b[i] for `batch` matrices a[i] (M, K), b[i] (K, N), all row-major, in float32. */
  multiply(a: tf.Tensor, b: tf.Tensor, out: tf.Tensor, sizes: MatrixSizes): void;
}

export interface MatrixSizes {
  readonly batch: number;
  readonly m: number;
  readonly k: number;
  readonly n: number;
}

/** The part of the Emscripten module that the published types leave out. */
interface EmscriptenParts {
  cwrap(name: string, returns: null, parameters: readonly string[]): (...values: unknown[]) => void;
}

const hasEmscriptenParts = (module: unknown): module is EmscriptenParts =>
  typeof module === "object" && module !== null && "cwrap" in module && typeof module.cwrap === "function";

/** Numbers for views, far above those that the backend gives to its tensors by counting. */
const firstViewId = 0x4000_0000;

/** The heap of tfjs's wasm backend, which must be the active one. */
export function openWasmHeap(): WasmHeap {
  const backend = tf.backend();
  if (!(backend instanceof BackendWasm)) throw new Error("the wasm backend is not active");
  const { wasm } = backend;
  if (!hasEmscriptenParts(wasm)) throw new Error("this build of tfjs-backend-wasm has no cwrap");
  const product = wasm.cwrap(
    "BatchMatMul",
    null,
    // a, shape of a, rank, b, shape of b, rank, transpose a, transpose b, out
    ["number", "array", "number", "number", "array", "number", "number", "number", "number"],
  );
  const [viewA, viewB, viewOut] = [firstViewId, firstViewId + 1, firstViewId + 2];
  const shapeBytes = (rows: number, columns: number) =>
    new Uint8Array(Int32Array.of(1, rows, columns).buffer);

  return {
    allocate(shape, dtype) {
      return tf.engine().makeTensorFromTensorInfo(backend.makeOutput([...shape], dtype), backend);
    },
    floats(x) {
      const data = backend.typedArrayFromHeap(x);
      if (data instanceof Float32Array) return data;
      throw new Error(`not float32 but ${x.dtype}`);
    },
    words(x) {
      const { buffer, byteOffset, length, BYTES_PER_ELEMENT } = backend.typedArrayFromHeap(x);
      if (BYTES_PER_ELEMENT === 4) return new Int32Array(buffer, byteOffset, length);
      throw new Error(`no 32-bit elements: ${x.dtype}`);
    },
    elements(x) {
      const data = backend.typedArrayFromHeap(x);
      if (data instanceof Float32Array || data instanceof Int32Array || data instanceof Uint8Array)
        return data;
      throw new Error(`no elements of float32, int32 or bool: ${x.dtype}`);
    },
    multiply(a, b, out, { batch, m, k, n }) {
      const [startA, startB, startOut] = [a, b, out].map(({ dataId }) => backend.getMemoryOffset(dataId));
      if (startA === undefined || startB === undefined || startOut === undefined) return;
      const [shapeA, shapeB] = [shapeBytes(m, k), shapeBytes(k, n)];
      for (let matrix = 0; matrix < batch; matrix++) {
        wasm.tfjs.registerTensor(viewA, m * k, startA + matrix * m * k * 4);
        wasm.tfjs.registerTensor(viewB, k * n, startB + matrix * k * n * 4);
        wasm.tfjs.registerTensor(viewOut, m * n, startOut + matrix * m * n * 4);
        product(viewA, shapeA, 3, viewB, shapeB, 3, 0, 0, viewOut);
        // Forgets the view, and the packed copy of b that the backend keeps for as long as b lives.
        wasm.tfjs.disposeData(viewB);
        wasm.tfjs.disposeData(viewA);
        wasm.tfjs.disposeData(viewOut);
      }
    },
  };
}
