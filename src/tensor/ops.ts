/**
 * Builders of graph nodes with shape inference. A wrong shape is an error here, at build time, that names
 * the op, the shapes and the place in the model.
 */
import { userError, type PipelineError } from "../errors.ts";
import {
  createNode,
  scopeName,
  type BinaryFunction,
  type CompareFunction,
  type Tensor,
  type UnaryFunction,
} from "./graph.ts";
import { float32, sameShape, shapeText, sizeOf, type DType, type HostTensor, type Shape } from "./types.ts";

export function shapeError(op: string, inputs: readonly Tensor[], why: string): PipelineError {
  const shapes = inputs.map((input) => `${input.dtype}${shapeText(input.shape)}`).join(" and ");
  const where = scopeName() === "" ? "" : ` in ${scopeName()}`;
  return userError("SHAPE_MISMATCH", `${op} of ${shapes === "" ? "nothing" : shapes}${where}: ${why}`);
}

/** NumPy broadcasting; undefined where the shapes do not fit. */
export function broadcastShapes(a: Shape, b: Shape): Shape | undefined {
  const rank = Math.max(a.length, b.length);
  const result: number[] = [];
  for (let axis = 0; axis < rank; axis++) {
    const left = a[a.length - rank + axis] ?? 1;
    const right = b[b.length - rank + axis] ?? 1;
    if (left !== right && left !== 1 && right !== 1) return undefined;
    result.push(left === 1 ? right : left);
  }
  return result;
}

const axisOf = (x: Tensor, axis: number): number => (axis < 0 ? axis + x.shape.length : axis);

export const constant = (value: HostTensor): Tensor =>
  createNode({ kind: "constant", value }, [], value.dtype, value.shape);
export const scalarConstant = (value: number): Tensor => constant(float32([], Float32Array.of(value)));
export const zeros = (shape: Shape): Tensor => broadcastTo(scalarConstant(0), shape);

const unary =
  (fn: UnaryFunction) =>
  (x: Tensor): Tensor => {
    if (x.dtype !== "float32") throw shapeError(fn, [x], "needs float32");
    return createNode({ kind: "unary", fn }, [x], "float32", x.shape);
  };
export const neg = unary("neg");
export const exp = unary("exp");
export const log = unary("log");
export const sqrt = unary("sqrt");
export const rsqrt = unary("rsqrt");
export const sigmoid = unary("sigmoid");
export const softplus = unary("softplus");

/** A number stands for a float32 scalar constant. */
export type Operand = Tensor | number;
const toTensor = (x: Operand): Tensor => (typeof x === "number" ? scalarConstant(x) : x);

function broadcastPair(name: string, a: Tensor, b: Tensor): Shape {
  const shape = broadcastShapes(a.shape, b.shape);
  if (shape === undefined) throw shapeError(name, [a, b], "shapes do not broadcast");
  if (a.dtype !== b.dtype) throw shapeError(name, [a, b], "dtypes differ");
  return shape;
}

const binary =
  (fn: BinaryFunction) =>
  (left: Operand, right: Operand): Tensor => {
    const [a, b] = [toTensor(left), toTensor(right)];
    const shape = broadcastPair(fn, a, b);
    if (a.dtype !== "float32" && a.dtype !== "int32") throw shapeError(fn, [a, b], "needs float32 or int32");
    return createNode({ kind: "binary", fn }, [a, b], a.dtype, shape);
  };
export const add = binary("add");
export const sub = binary("sub");
export const mul = binary("mul");
export const div = binary("div");
export const maximum = binary("maximum");
export const minimum = binary("minimum");

const compare =
  (fn: CompareFunction) =>
  (left: Operand, right: Operand): Tensor => {
    const [a, b] = [toTensor(left), toTensor(right)];
    return createNode({ kind: "compare", fn }, [a, b], "bool", broadcastPair(fn, a, b));
  };
export const less = compare("less");
export const greaterEqual = compare("greaterEqual");
export const equal = compare("equal");

export function select(condition: Tensor, left: Operand, right: Operand): Tensor {
  const [a, b] = [toTensor(left), toTensor(right)];
  if (condition.dtype !== "bool") throw shapeError("select", [condition, a, b], "the condition must be bool");
  const shape = broadcastShapes(condition.shape, broadcastPair("select", a, b));
  if (shape === undefined) throw shapeError("select", [condition, a, b], "shapes do not broadcast");
  return createNode({ kind: "select" }, [condition, a, b], a.dtype, shape);
}

export function cast(x: Tensor, dtype: DType): Tensor {
  if (x.dtype === dtype) return x;
  if ((dtype === "bfloat16" && x.dtype !== "float32") || (x.dtype === "bfloat16" && dtype !== "float32"))
    throw shapeError("cast", [x], `${dtype} is not reached but through float32`);
  return createNode({ kind: "cast", dtype }, [x], dtype, x.shape);
}

export interface ReduceOptions {
  /** Default: all. Negative axes count from the end. */
  readonly axes?: readonly number[];
  readonly keepDims?: boolean;
}

const reduce =
  (fn: "sum" | "max") =>
  (x: Tensor, { axes, keepDims = false }: ReduceOptions = {}): Tensor => {
    const reduced = (axes ?? x.shape.map((_, axis) => axis))
      .map((axis) => axisOf(x, axis))
      .sort((a, b) => a - b);
    if (reduced.some((axis) => axis < 0 || axis >= x.shape.length))
      throw shapeError(fn, [x], `no axis ${reduced.join(", ")}`);
    if (new Set(reduced).size < reduced.length)
      throw shapeError(fn, [x], `an axis twice: ${reduced.join(", ")}`);
    if (x.dtype !== "float32" && x.dtype !== "int32") throw shapeError(fn, [x], "needs float32 or int32");
    if (reduced.length === 0) return x;
    const shape = keepDims
      ? x.shape.map((dim, axis) => (reduced.includes(axis) ? 1 : dim))
      : x.shape.filter((_, axis) => !reduced.includes(axis));
    return createNode({ kind: "reduce", fn, axes: reduced, keepDims }, [x], x.dtype, shape);
  };
export const sum = reduce("sum");
export const max = reduce("max");

export function mean(x: Tensor, options: ReduceOptions = {}): Tensor {
  const total = sum(x, options);
  return mul(total, sizeOf(total.shape) / sizeOf(x.shape));
}

export function argMax(x: Tensor): Tensor {
  if (x.dtype !== "float32" || sizeOf(x.shape.slice(-1)) === 0 || x.shape.length === 0)
    throw shapeError("argMax", [x], "needs float32 with a last axis that is not empty");
  return createNode({ kind: "argMax" }, [x], "int32", x.shape.slice(0, -1));
}

export function reshape(x: Tensor, shape: Shape): Tensor {
  if (sizeOf(shape) !== sizeOf(x.shape))
    throw shapeError("reshape", [x], `${shapeText(shape)} has another size`);
  return sameShape(shape, x.shape) ? x : createNode({ kind: "reshape", shape }, [x], x.dtype, shape);
}

export function transpose(x: Tensor, permutation: readonly number[]): Tensor {
  const valid =
    permutation.length === x.shape.length &&
    [...permutation].sort((a, b) => a - b).every((axis, index) => axis === index);
  if (!valid)
    throw shapeError("transpose", [x], `[${permutation.join(", ")}] is not a permutation of its axes`);
  const shape = permutation.map((axis) => x.shape[axis] ?? 1);
  return createNode({ kind: "transpose", permutation }, [x], x.dtype, shape);
}

export function broadcastTo(x: Tensor, shape: Shape): Tensor {
  if (sameShape(x.shape, shape)) return x;
  const result = broadcastShapes(x.shape, shape);
  if (result === undefined || !sameShape(result, shape))
    throw shapeError("broadcastTo", [x], `does not broadcast to ${shapeText(shape)}`);
  return createNode({ kind: "broadcastTo", shape }, [x], x.dtype, shape);
}

export function slice(x: Tensor, begin: readonly number[], size: readonly number[]): Tensor {
  const fits =
    begin.length === x.shape.length &&
    size.length === x.shape.length &&
    x.shape.every((dim, axis) => {
      const [start, extent] = [begin[axis] ?? -1, size[axis] ?? -1];
      return start >= 0 && extent >= 0 && start + extent <= dim;
    });
  if (!fits) throw shapeError("slice", [x], `[${begin.join(", ")}] + [${size.join(", ")}] leaves it`);
  return createNode({ kind: "slice", begin, size }, [x], x.dtype, size);
}

export function pad(x: Tensor, before: readonly number[], after: readonly number[]): Tensor {
  if (before.length !== x.shape.length || after.length !== x.shape.length)
    throw shapeError("pad", [x], `needs ${x.shape.length} of before and after`);
  if ([...before, ...after].some((count) => count < 0))
    throw shapeError("pad", [x], `[${before.join(", ")}] and [${after.join(", ")}] cut it`);
  const shape = x.shape.map((dim, axis) => dim + (before[axis] ?? 0) + (after[axis] ?? 0));
  return createNode({ kind: "pad", before, after }, [x], x.dtype, shape);
}

export function concat(parts: readonly Tensor[], axis: number): Tensor {
  const [first] = parts;
  if (first === undefined) throw shapeError("concat", [], "needs a tensor or more");
  const along = axisOf(first, axis);
  if (along < 0 || along >= first.shape.length) throw shapeError("concat", parts, `no axis ${axis}`);
  const agree = parts.every(
    (part) =>
      part.dtype === first.dtype &&
      part.shape.length === first.shape.length &&
      part.shape.every((dim, index) => index === along || dim === first.shape[index]),
  );
  if (!agree) throw shapeError("concat", parts, `may differ along axis ${along} only`);
  const total = parts.reduce((length, part) => length + (part.shape[along] ?? 0), 0);
  const shape = first.shape.map((dim, index) => (index === along ? total : dim));
  return createNode({ kind: "concat", axis: along }, parts, first.dtype, shape);
}

export interface MatmulOptions {
  readonly transposeA?: boolean;
  readonly transposeB?: boolean;
}

export function matmul(
  a: Tensor,
  b: Tensor,
  { transposeA = false, transposeB = false }: MatmulOptions = {},
): Tensor {
  if (a.shape.length < 2 || a.shape.length !== b.shape.length)
    throw shapeError("matmul", [a, b], "needs equal ranks of two or more");
  if (a.dtype !== b.dtype || (a.dtype !== "float32" && a.dtype !== "bfloat16"))
    throw shapeError("matmul", [a, b], "needs float32 or bfloat16, the same for both");
  const batch = a.shape.slice(0, -2);
  if (!sameShape(batch, b.shape.slice(0, -2))) throw shapeError("matmul", [a, b], "batch dimensions differ");
  const [aRows = 0, aColumns = 0] = a.shape.slice(-2);
  const [bRows = 0, bColumns = 0] = b.shape.slice(-2);
  const [m, k] = transposeA ? [aColumns, aRows] : [aRows, aColumns];
  const [k2, n] = transposeB ? [bColumns, bRows] : [bRows, bColumns];
  if (k !== k2) throw shapeError("matmul", [a, b], `inner dimensions ${k} and ${k2} differ`);
  return createNode({ kind: "matmul", transposeA, transposeB }, [a, b], a.dtype, [...batch, m, n]);
}

export function gather(table: Tensor, indices: Tensor): Tensor {
  if (indices.dtype !== "int32" || table.shape.length === 0)
    throw shapeError("gather", [table, indices], "needs a table and int32 indices");
  return createNode({ kind: "gather" }, [table, indices], table.dtype, [
    ...indices.shape,
    ...table.shape.slice(1),
  ]);
}

export function scatterAdd(indices: Tensor, updates: Tensor, rows: number): Tensor {
  if (indices.dtype !== "int32" || indices.shape.length !== 1 || indices.shape[0] !== updates.shape[0])
    throw shapeError("scatterAdd", [indices, updates], "needs one int32 index per row");
  if (updates.dtype !== "float32" && updates.dtype !== "int32")
    throw shapeError("scatterAdd", [indices, updates], "needs float32 or int32");
  return createNode({ kind: "scatterAdd", rows }, [indices, updates], updates.dtype, [
    rows,
    ...updates.shape.slice(1),
  ]);
}

/** x, but not before `others` are computed. */
export const after = (x: Tensor, others: readonly Tensor[]): Tensor =>
  others.length === 0 ? x : createNode({ kind: "after" }, [x, ...others], x.dtype, x.shape);

export function softmax(x: Tensor): Tensor {
  if (x.dtype !== "float32" || x.shape.length === 0)
    throw shapeError("softmax", [x], "needs float32 with a last axis");
  return createNode({ kind: "softmax" }, [x], "float32", x.shape);
}

const isLabelled = (logits: Tensor, labels: Tensor): boolean =>
  logits.shape.length === 2 &&
  sameShape(labels.shape, logits.shape.slice(0, 1)) &&
  logits.dtype === "float32" &&
  labels.dtype === "int32";

/** −log softmax(logits)[label] per row, (N). Labels outside [0, V) are undefined behaviour: mask by weights, not by labels. */
export function sparseCrossEntropy(logits: Tensor, labels: Tensor): Tensor {
  if (!isLabelled(logits, labels))
    throw shapeError("sparseCrossEntropy", [logits, labels], "needs logits (N, V) and int32 labels (N)");
  return createNode({ kind: "sparseCrossEntropy" }, [logits, labels], "float32", labels.shape);
}

export function sparseCrossEntropyGradient(logits: Tensor, labels: Tensor, upstream: Tensor): Tensor {
  if (!isLabelled(logits, labels) || !sameShape(upstream.shape, labels.shape) || upstream.dtype !== "float32")
    throw shapeError(
      "sparseCrossEntropyGradient",
      [logits, labels, upstream],
      "needs logits (N, V), int32 labels (N) and a gradient (N)",
    );
  return createNode(
    { kind: "sparseCrossEntropyGradient" },
    [logits, labels, upstream],
    "float32",
    logits.shape,
  );
}
