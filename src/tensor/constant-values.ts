/**
 * Results of ops on constants, where every executor must find the same one to the last bit: what moves elements, compares
 * them, or rounds once as IEEE 754 says, and integers that do not overflow. Not what executors approximate or sum in an
 * order of their own (exp, softmax, products of matrices), and nothing near infinities, NaN or subnormal numbers, which
 * they treat differently.
 */
import type { BinaryFunction, CompareFunction, Op, Tensor } from "./graph.ts";
import { hostTensor, sizeOf, type DType, type HostTensor, type Shape } from "./types.ts";

/** Elements in row-major order; numbers as JavaScript has them. */
interface Values {
  readonly shape: Shape;
  readonly data: ArrayLike<number>;
}

/** `inputs`: what the node's inputs hold. Undefined where the result is not certain to the last bit. */
export function constantValue(node: Tensor, inputs: readonly HostTensor[]): HostTensor | undefined {
  const { dtype, shape } = node;
  if (dtype === "bfloat16") return undefined;
  const data = elements(node.op, shape, dtype, inputs);
  return data?.every((value) => isCertain(value, dtype)) === true
    ? hostTensor(dtype, shape, data)
    : undefined;
}

function elements(
  op: Op,
  shape: Shape,
  dtype: DType,
  [a, b, c, ...rest]: readonly Values[],
): readonly number[] | undefined {
  if (a === undefined) return undefined;
  switch (op.kind) {
    case "reshape":
    case "cast":
      return converted(Array.from(a.data), dtype);
    case "broadcastTo":
      return each(shape, (place) => at(a, broadcastPlace(place, a.shape)));
    case "transpose":
      return each(shape, (place) =>
        at(
          a,
          op.permutation.map((_, axis) => place[op.permutation.indexOf(axis)] ?? 0),
        ),
      );
    case "slice":
      return each(shape, (place) =>
        at(
          a,
          place.map((index, axis) => index + (op.begin[axis] ?? 0)),
        ),
      );
    case "pad":
      return each(shape, (place) => {
        const source = place.map((index, axis) => index - (op.before[axis] ?? 0));
        return source.every((index, axis) => index >= 0 && index < (a.shape[axis] ?? 0)) ? at(a, source) : 0;
      });
    case "gather":
      return b && each(shape, (place) => at(a, [rowOf(a, b, place), ...place.slice(b.shape.length)]));
    case "concat":
      return concatenated([a, b, c, ...rest], op.axis, shape);
    case "unary":
      return op.fn === "neg" ? Array.from(a.data, (x) => -x) : undefined;
    case "binary":
      return b && pointwise(shape, [a, b], ([x = NaN, y = NaN]) => binaryResult(op.fn, dtype, x, y));
    case "compare":
      return b && pointwise(shape, [a, b], ([x = NaN, y = NaN]) => Number(comparison[op.fn](x, y)));
    case "select":
      return b && c && pointwise(shape, [a, b, c], ([when = 0, x = NaN, y = NaN]) => (when === 0 ? y : x));
    case "constant":
    case "feed":
    case "variable":
    case "after":
    case "recomputed":
    case "argMax":
    case "reduce":
    case "matmul":
    case "scatterAdd":
    case "softmax":
    case "cachedAttention":
    case "sparseCrossEntropy":
    case "sparseCrossEntropyGradient":
      return undefined;
  }
}

const comparison: Readonly<Record<CompareFunction, (a: number, b: number) => boolean>> = {
  less: (a, b) => a < b,
  greaterEqual: (a, b) => a >= b,
  equal: (a, b) => a === b,
};

/** Rounded once, to float32; NaN where it is not certain. */
function binaryResult(fn: BinaryFunction, dtype: DType, a: number, b: number): number {
  const round = dtype === "float32" ? Math.fround : (x: number) => x;
  switch (fn) {
    // float64 has more than twice the digits of float32: rounding its result once more gives the right one.
    case "add":
      return round(a + b);
    case "sub":
      return round(a - b);
    case "mul":
      return round(a * b);
    case "div": // of integers: towards −∞ in one executor, towards 0 in the other
      return dtype === "float32" ? Math.fround(a / b) : NaN;
    case "maximum": // which zero is larger is not agreed
      return a === b && !Object.is(a, b) ? NaN : Math.max(a, b);
    case "minimum":
      return a === b && !Object.is(a, b) ? NaN : Math.min(a, b);
  }
}

function converted(data: number[], dtype: DType): number[] {
  if (dtype === "bool") return data.map((value) => Number(value !== 0));
  return dtype === "int32" ? data.map(Math.trunc) : data.map(Math.fround);
}

const smallestNormal = 2 ** -126;
const largestInteger = 2 ** 31 - 1;

/** Whether executors agree on such a value. */
function isCertain(value: number, dtype: DType): boolean {
  if (dtype !== "float32") return Math.abs(value) <= largestInteger;
  return Number.isFinite(value) && (value === 0 || Math.abs(value) >= smallestNormal);
}

const stridesOf = (shape: Shape): number[] => shape.map((_, axis) => sizeOf(shape.slice(axis + 1)));

/** The element at `place`, one index for each axis. */
function at({ shape, data }: Values, place: readonly number[]): number {
  const index = stridesOf(shape).reduce((sum, stride, axis) => sum + stride * (place[axis] ?? 0), 0);
  return data[index] ?? NaN;
}

function each(shape: Shape, valueAt: (place: readonly number[]) => number): number[] {
  const strides = stridesOf(shape);
  return Array.from({ length: sizeOf(shape) }, (_, index) =>
    valueAt(strides.map((stride, axis) => Math.floor(index / stride) % (shape[axis] ?? 1))),
  );
}

/** Where an element of the broadcast comes from. */
const broadcastPlace = (place: readonly number[], from: Shape): number[] =>
  place.slice(place.length - from.length).map((index, axis) => (from[axis] === 1 ? 0 : index));

const pointwise = (
  shape: Shape,
  inputs: readonly Values[],
  result: (values: readonly number[]) => number,
): number[] =>
  each(shape, (place) => result(inputs.map((input) => at(input, broadcastPlace(place, input.shape)))));

/** Of a table, by the indices; NaN outside of it. */
function rowOf(table: Values, indices: Values, place: readonly number[]): number {
  const row = at(indices, place.slice(0, indices.shape.length));
  return row >= 0 && row < (table.shape[0] ?? 0) ? row : NaN;
}

function concatenated(parts: readonly (Values | undefined)[], axis: number, shape: Shape): number[] {
  return each(shape, (place) => {
    let index = place[axis] ?? 0;
    for (const part of parts) {
      if (part === undefined) continue;
      const length = part.shape[axis] ?? 0;
      if (index < length) return at(part, place.with(axis, index));
      index -= length;
    }
    return NaN;
  });
}
