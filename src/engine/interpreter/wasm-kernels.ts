/**
 * Kernels for what tfjs-backend-wasm 4.22 does slowly: matrix products that are transposed or batched (its fast
 * path is the plain 2-D one), transposes with a power-of-two stride, slices (it copies the whole input first),
 * concats, gathers, sums over leading axes, broadcasts of one element. Plain loops over the wasm heap; every other op is tfjs's own.
 */
import * as tf from "@tensorflow/tfjs-core";
import type { Tensor } from "../../tensor/graph.ts";
import { sizeOf, type Shape } from "../../tensor/types.ts";
import { cachedAttentionKernel, type AttentionParts } from "./cached-attention.ts";
import { present, type Kernel } from "./kernel.ts";
import { crossEntropy, roundedFor, tfjsKernel, type ComputedOp } from "./kernels.ts";
import type { WasmHeap } from "./wasm-heap.ts";

type NumberType = "float32" | "int32";

export function wasmKernel(heap: WasmHeap, op: ComputedOp, node: Tensor): Kernel {
  const { shape } = node;
  const tfjs = tfjsKernel(op, node);
  if (node.dtype === "bool" || sizeOf(shape) === 0) return tfjs;
  const dtype = node.dtype === "bfloat16" ? "float32" : node.dtype;
  const from = node.inputs[0]?.shape ?? [];
  switch (op.kind) {
    case "matmul":
      return sizeOf(from) === 0
        ? tfjs
        : roundedFor(node, ([a, b]) => matmul(heap, present(a), present(b), op, shape));
    case "transpose": {
      const swap = lastTwoSwapped(from, op.permutation);
      return swap === undefined ? tfjs : ([x]) => swapLastTwo(heap, present(x), swap, shape);
    }
    case "slice": {
      const cut = oneAxisCut(from, op.begin, shape);
      return cut === undefined ? tfjs : ([x]) => slice(heap, present(x), cut, shape, dtype);
    }
    case "concat":
      return (parts) => concat(heap, parts, op.axis, shape, dtype);
    case "gather":
      return ([table, indices]) => gather(heap, present(table), present(indices), shape, dtype);
    case "reduce": {
      const leading =
        op.fn === "sum" && dtype === "float32" && op.axes.every((axis, index) => axis === index);
      const columns = sizeOf(from.slice(op.axes.length));
      return leading && columns > 1 ? ([x]) => sumRows(heap, present(x), columns, shape) : tfjs;
    }
    case "broadcastTo":
      return sizeOf(from) === 1 ? ([x]) => fill(heap, present(x), shape, dtype) : tfjs;
    case "sparseCrossEntropy":
      return ([logits, labels]) =>
        tf.tidy(() =>
          crossEntropy(present(logits), present(labels), (table, indices) =>
            gather(heap, table, indices, indices.shape, "float32"),
          ),
        );
    case "sparseCrossEntropyGradient":
      return ([logits, labels, upstream]) =>
        crossEntropyGradient(heap, present(logits), present(labels), present(upstream));
    case "cachedAttention":
      return cachedAttentionKernel(node, wasmAttentionParts(heap));
    case "after":
    case "recomputed":
    case "unary":
    case "binary":
    case "compare":
    case "select":
    case "cast":
    case "argMax":
    case "reshape":
    case "pad":
    case "scatterAdd":
    case "softmax":
      return tfjs;
  }
}

function matmul(
  heap: WasmHeap,
  a: tf.Tensor,
  b: tf.Tensor,
  { transposeA, transposeB }: { readonly transposeA: boolean; readonly transposeB: boolean },
  shape: Shape,
): tf.Tensor {
  const batch = sizeOf(shape.slice(0, -2));
  const [m = 0, n = 0] = shape.slice(-2);
  const k = (transposeA ? a.shape.at(-2) : a.shape.at(-1)) ?? 0;
  const left = transposeA ? swapLastTwo(heap, a, { batch, rows: k, columns: m }, [batch, m, k]) : a;
  const right = transposeB ? swapLastTwo(heap, b, { batch, rows: n, columns: k }, [batch, k, n]) : b;
  const out = heap.allocate(shape, "float32");
  heap.multiply(left, right, out, { batch, m, k, n });
  if (left !== a) left.dispose();
  if (right !== b) right.dispose();
  return out;
}

const wasmAttentionParts = (heap: WasmHeap): AttentionParts => ({
  withNew(cached, fresh, slots, length) {
    const [batch = 0, numKvHeads = 0, time = 0, dim = 0] = fresh.shape;
    const pairs = batch * numKvHeads;
    const out = heap.allocate([pairs, length, dim], "float32");
    const [old, rows, target] = [heap.words(cached), heap.words(fresh), heap.words(out)];
    const stride = old.length / pairs;
    for (let pair = 0; pair < pairs; pair++) {
      const start = pair * length * dim;
      copy(old, pair * stride, target, start, length * dim);
      for (let token = 0; token < time; token++) {
        const slot = at(slots, Math.floor(pair / numKvHeads) * time + token);
        copy(rows, (pair * time + token) * dim, target, start + slot * dim, dim);
      }
    }
    return out;
  },
  matmul(a, b, transposeB) {
    const [batch = 0, rows = 0, columns = 0] = b.shape;
    const shape = [batch, a.shape[1] ?? 0, transposeB ? rows : columns];
    return matmul(heap, a, b, { transposeA: false, transposeB }, shape);
  },
});

interface Matrices {
  readonly batch: number;
  readonly rows: number;
  readonly columns: number;
}

/** The matrices that a permutation transposes, if that is all it does. */
function lastTwoSwapped(shape: Shape, permutation: readonly number[]): Matrices | undefined {
  const rank = shape.length;
  const swaps = permutation.every((axis, index) =>
    index < rank - 2 ? axis === index : axis === 2 * rank - 3 - index,
  );
  if (rank < 2 || !swaps) return undefined;
  const [rows = 0, columns = 0] = shape.slice(-2);
  return { batch: sizeOf(shape.slice(0, -2)), rows, columns };
}

/** Side of the square that is transposed at a time: small enough for its lines to stay in the first cache. */
const tile = 16;

function swapLastTwo(
  heap: WasmHeap,
  x: tf.Tensor,
  { batch, rows, columns }: Matrices,
  shape: Shape,
): tf.Tensor {
  const out = heap.allocate(shape, numberType(x));
  const [source, target] = [heap.words(x), heap.words(out)];
  for (let matrix = 0; matrix < batch; matrix++) {
    const start = matrix * rows * columns;
    for (let rowTile = 0; rowTile < rows; rowTile += tile) {
      const rowEnd = Math.min(rowTile + tile, rows);
      for (let columnTile = 0; columnTile < columns; columnTile += tile) {
        const columnEnd = Math.min(columnTile + tile, columns);
        for (let column = columnTile; column < columnEnd; column++) {
          let from = start + rowTile * columns + column;
          const to = start + column * rows;
          for (let row = rowTile; row < rowEnd; row++) {
            target[to + row] = at(source, from);
            from += columns;
          }
        }
      }
    }
  }
  return out;
}

/** An element that is known to exist: in these loops a check would cost as much as the work. */
// eslint-disable-next-line @typescript-eslint/no-non-null-assertion
const at = (array: Float32Array | Int32Array, index: number): number => array[index]!;

const numberType = (x: tf.Tensor): NumberType => (x.dtype === "int32" ? "int32" : "float32");

/** Copies `length` elements; for a few of them a loop beats TypedArray.set. */
function copy(source: Int32Array, from: number, target: Int32Array, to: number, length: number): void {
  if (length > 64) target.set(source.subarray(from, from + length), to);
  else for (let index = 0; index < length; index++) target[to + index] = at(source, from + index);
}

interface Cut {
  /** Runs of memory to copy, their length, and how far apart they begin in the source. */
  readonly runs: number;
  readonly length: number;
  readonly stride: number;
  readonly start: number;
}

/** How to copy a slice that cuts one axis only (or none): one run for each index of the axes before it. */
function oneAxisCut(from: Shape, begin: readonly number[], size: Shape): Cut | undefined {
  const cut = from.flatMap((dim, axis) => (size[axis] === dim ? [] : [axis]));
  const [axis = 0] = cut;
  if (cut.length > 1 || from.length === 0) return undefined;
  const inner = sizeOf(from.slice(axis + 1));
  return {
    runs: sizeOf(from.slice(0, axis)),
    length: (size[axis] ?? 0) * inner,
    stride: (from[axis] ?? 0) * inner,
    start: (begin[axis] ?? 0) * inner,
  };
}

function slice(heap: WasmHeap, x: tf.Tensor, cut: Cut, shape: Shape, dtype: NumberType): tf.Tensor {
  const out = heap.allocate(shape, dtype);
  const [source, target] = [heap.words(x), heap.words(out)];
  const { runs, length, stride, start } = cut;
  for (let run = 0; run < runs; run++) copy(source, run * stride + start, target, run * length, length);
  return out;
}

function concat(
  heap: WasmHeap,
  parts: readonly tf.Tensor[],
  axis: number,
  shape: Shape,
  dtype: NumberType,
): tf.Tensor {
  const out = heap.allocate(shape, dtype);
  const target = heap.words(out);
  const outer = sizeOf(shape.slice(0, axis));
  const row = sizeOf(shape.slice(axis));
  let start = 0;
  for (const part of parts) {
    const source = heap.words(part);
    const length = source.length / outer;
    for (let index = 0; index < outer; index++)
      copy(source, index * length, target, index * row + start, length);
    start += length;
  }
  return out;
}

function gather(
  heap: WasmHeap,
  table: tf.Tensor,
  indices: tf.Tensor,
  shape: Shape,
  dtype: NumberType,
): tf.Tensor {
  const out = heap.allocate(shape, dtype);
  const [source, rows, target] = [heap.words(table), heap.words(indices), heap.words(out)];
  const width = sizeOf(table.shape.slice(1));
  const [height = 0] = table.shape;
  rows.forEach((row, index) => {
    if (row < 0 || row >= height) throw new RangeError(`gather: index ${row} is outside [0, ${height})`);
    copy(source, row * width, target, index * width, width);
  });
  return out;
}

/** Every element is the one of `x`. */
function fill(heap: WasmHeap, x: tf.Tensor, shape: Shape, dtype: NumberType): tf.Tensor {
  const out = heap.allocate(shape, dtype);
  heap.words(out).fill(at(heap.words(x), 0));
  return out;
}

/** Sums in float64: exact enough for any order, and always the same one. */
function sumRows(heap: WasmHeap, x: tf.Tensor, columns: number, shape: Shape): tf.Tensor {
  const out = heap.allocate(shape, "float32");
  const source = heap.floats(x);
  const sums = new Float64Array(columns);
  for (let start = 0; start < source.length; start += columns)
    for (let column = 0; column < columns; column++)
      sums[column] = (sums[column] ?? 0) + at(source, start + column);
  heap.floats(out).set(sums);
  return out;
}

/** (softmax(logits) − onehot(label))·upstream: the subtraction touches one element a row, in place. */
function crossEntropyGradient(
  heap: WasmHeap,
  logits: tf.Tensor,
  labels: tf.Tensor,
  upstream: tf.Tensor,
): tf.Tensor {
  const out = tf.tidy(() => tf.mul(tf.softmax(logits), tf.reshape(upstream, [-1, 1])));
  const [gradient, rows, weights] = [heap.floats(out), heap.words(labels), heap.floats(upstream)];
  const columns = logits.shape[1] ?? 0;
  rows.forEach((label, row) => {
    const position = row * columns + label;
    gradient[position] = at(gradient, position) - at(weights, row);
  });
  return out;
}
