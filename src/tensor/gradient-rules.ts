/**
 * The backward rule of every op: given dL/dy (called `dy`) of y = op(x₀, x₁, …), dL/dxᵢ for each input.
 * Written with the same ops, so an executor needs nothing more. `undefined`: no gradient flows there.
 */
import { userError } from "../errors.ts";
import type { BinaryFunction, Op, Tensor, UnaryFunction } from "./graph.ts";
import {
  add,
  broadcastShapes,
  broadcastTo,
  cast,
  concat,
  div,
  equal,
  gather,
  greaterEqual,
  matmul,
  mul,
  neg,
  pad,
  reshape,
  scatterAdd,
  select,
  sigmoid,
  slice,
  sparseCrossEntropyGradient,
  sub,
  sum,
  transpose,
} from "./ops.ts";
import { sameShape, type DType, type Shape } from "./types.ts";

type Gradients = readonly (Tensor | undefined)[];

/** x itself where it is a broadcast that the elementwise op with `other` makes by itself. */
function peelBroadcast(x: Tensor, other: Tensor): Tensor {
  const [source] = x.inputs;
  if (x.op.kind !== "broadcastTo" || source === undefined) return x;
  const shape = broadcastShapes(source.shape, other.shape);
  return shape !== undefined && sameShape(shape, x.shape) ? source : x;
}

/** a·b and a+b without the broadcasts that they would make anyway; never both, the shape is one of theirs. */
const thrifty =
  (op: (a: Tensor, b: Tensor) => Tensor) =>
  (a: Tensor, b: Tensor): Tensor => {
    const left = peelBroadcast(a, b);
    return op(left, left === a ? peelBroadcast(b, a) : b);
  };
const product = thrifty(mul);
const total = thrifty(add);

/** Sums what broadcasting from `shape` repeated: the transpose of broadcasting. */
function sumToShape(dy: Tensor, shape: Shape): Tensor {
  if (sameShape(dy.shape, shape)) return dy;
  const added = dy.shape.length - shape.length;
  const axes = dy.shape.flatMap((dim, axis) =>
    axis < added || (shape[axis - added] === 1 && dim !== 1) ? [axis] : [],
  );
  return reshape(sum(dy, { axes }), shape);
}

function unaryRule(fn: UnaryFunction, x: Tensor, y: Tensor, dy: Tensor): Tensor {
  switch (fn) {
    case "neg": // (−x)′ = −1
      return neg(dy);
    case "exp": // (eˣ)′ = eˣ = y
      return product(dy, y);
    case "log": // (ln x)′ = 1/x
      return div(dy, x);
    case "sqrt": // (√x)′ = 1/(2√x) = 1/(2y)
      return div(mul(dy, 0.5), y);
    case "rsqrt": // (x^−½)′ = −½·x^−3/2 = −½·y³
      return product(dy, mul(mul(mul(y, y), y), -0.5));
    case "sigmoid": // σ′ = σ(1 − σ) = y(1 − y)
      return product(product(dy, y), sub(1, y));
    case "softplus": // ln(1 + eˣ)′ = σ(x)
      return product(dy, sigmoid(x));
  }
}

function binaryRule(fn: BinaryFunction, [a, b]: readonly [Tensor, Tensor], y: Tensor, dy: Tensor): Gradients {
  const each = (da: Tensor, db: Tensor): Gradients => [sumToShape(da, a.shape), sumToShape(db, b.shape)];
  switch (fn) {
    case "add": // ∂(a + b)/∂a = ∂(a + b)/∂b = 1
      return each(dy, dy);
    case "sub": // ∂(a − b)/∂b = −1: negated after the sum, where it is smaller
      return [sumToShape(dy, a.shape), neg(sumToShape(dy, b.shape))];
    case "mul": // ∂(ab)/∂a = b, ∂(ab)/∂b = a; ∂x²/∂x = 2x given once, not twice
      if (a === b) return [product(broadcastableDouble(dy), a), undefined];
      return each(product(dy, b), product(dy, a));
    case "div": // ∂(a/b)/∂a = 1/b, ∂(a/b)/∂b = −a/b² = −y/b
      return each(div(dy, b), neg(div(product(dy, y), b)));
    case "maximum": // to a where a ≥ b (a tie goes to a), else to b
      return byCondition(greaterEqual(a, b), dy, each);
    case "minimum": // to a where a ≤ b (a tie goes to a), else to b
      return byCondition(greaterEqual(b, a), dy, each);
  }
}

/** 2·dy, doubling before a broadcast and not after it. */
function broadcastableDouble(dy: Tensor): Tensor {
  const [source] = dy.inputs;
  return dy.op.kind === "broadcastTo" && source !== undefined
    ? broadcastTo(mul(source, 2), dy.shape)
    : mul(dy, 2);
}

const byCondition = (toFirst: Tensor, dy: Tensor, each: (da: Tensor, db: Tensor) => Gradients): Gradients =>
  each(select(toFirst, dy, 0), select(toFirst, 0, dy));

function matmulRule(
  { transposeA, transposeB }: { transposeA: boolean; transposeB: boolean },
  [a, b]: readonly [Tensor, Tensor],
  dy: Tensor,
): Gradients {
  // Y = A′B′ gives dA′ = dY·B′ᵀ and dB′ = A′ᵀ·dY; the flags absorb every transpose, also that of dA = (dA′)ᵀ.
  const da = transposeA
    ? matmul(b, dy, { transposeA: transposeB, transposeB: true }) // dA = B′·dYᵀ
    : matmul(dy, b, { transposeB: !transposeB }); // dA = dY·B′ᵀ
  const db = transposeB
    ? matmul(dy, a, { transposeA: true, transposeB: transposeA }) // dB = dYᵀ·A′
    : matmul(a, dy, { transposeA: !transposeA }); // dB = A′ᵀ·dY
  return [da, db];
}

/** Size-one dimensions put back where a reduction without keepDims dropped them. */
const keptShape = (x: Tensor, axes: readonly number[]): Shape =>
  x.shape.map((dim, axis) => (axes.includes(axis) ? 1 : dim));

function concatRule(axis: number, parts: readonly Tensor[], dy: Tensor): Gradients {
  // Each part's gradient is the stretch of dy that it became.
  let start = 0;
  return parts.map((part) => {
    const begin = part.shape.map((_, index) => (index === axis ? start : 0));
    start += part.shape[axis] ?? 0;
    return slice(dy, begin, part.shape);
  });
}

const isReal = (dtype: DType): boolean => dtype === "float32" || dtype === "bfloat16";

export function inputGradients(y: Tensor, dy: Tensor): Gradients {
  const op: Op = y.op;
  const [a, b, c] = y.inputs;
  const missing = () => userError("GRAPH_INVALID", `${op.kind} node ${y.id} lacks an input`);
  if (op.kind === "constant" || op.kind === "feed" || op.kind === "variable") return [];
  if (a === undefined) throw missing();
  switch (op.kind) {
    case "unary":
      return [unaryRule(op.fn, a, y, dy)];
    case "binary":
      if (b === undefined) throw missing();
      return binaryRule(op.fn, [a, b], y, dy);
    case "compare": // piecewise constant
    case "argMax":
      return [];
    case "select": // to whichever was taken
      if (b === undefined || c === undefined) throw missing();
      return [undefined, sumToShape(select(a, dy, 0), b.shape), sumToShape(select(a, 0, dy), c.shape)];
    case "cast": // a change of type between floats is the identity; integers and booleans carry no gradient
      return isReal(a.dtype) && isReal(op.dtype) ? [cast(dy, a.dtype)] : [];
    case "reduce": {
      const kept = keptShape(a, op.axes);
      // ∂Σx/∂xᵢ = 1
      if (op.fn === "sum") return [broadcastTo(reshape(dy, kept), a.shape)];
      // The maximum is shared evenly by the elements that attain it.
      const attains = cast(equal(a, reshape(y, kept)), "float32");
      return [mul(attains, div(reshape(dy, kept), sum(attains, { axes: op.axes, keepDims: true })))];
    }
    case "reshape":
      return [reshape(dy, a.shape)];
    case "transpose": // by the inverse permutation
      return [
        transpose(
          dy,
          op.permutation.map((_, axis) => op.permutation.indexOf(axis)),
        ),
      ];
    case "broadcastTo":
      return [sumToShape(dy, a.shape)];
    case "slice": // what was cut off did not matter: zeros
      return [
        pad(
          dy,
          op.begin,
          a.shape.map((dim, axis) => dim - (op.begin[axis] ?? 0) - (op.size[axis] ?? 0)),
        ),
      ];
    case "pad":
      return [slice(dy, op.before, a.shape)];
    case "concat":
      return concatRule(op.axis, y.inputs, dy);
    case "matmul":
      if (b === undefined) throw missing();
      return matmulRule(op, [a, b], dy);
    case "gather": {
      // A row read several times gets the sum of its readings' gradients.
      if (b === undefined) throw missing();
      const rows = b.shape.reduce((product, dim) => product * dim, 1);
      const updates = reshape(dy, [rows, ...a.shape.slice(1)]);
      return [scatterAdd(reshape(b, [rows]), updates, a.shape[0] ?? 0), undefined];
    }
    case "scatterAdd": // the transpose of gather is scatterAdd, and back
      return [undefined, gather(dy, a)];
    case "after": // the others decide when, not what
      return [dy];
    case "recomputed": // gradients.ts walks its computation again
      return [];
    case "softmax":
      // ∂yᵢ/∂xⱼ = yᵢ(δᵢⱼ − yⱼ), hence dx = y·(dy − Σⱼ dyⱼyⱼ)
      return [mul(y, sub(dy, sum(product(dy, y), { axes: [-1], keepDims: true })))];
    case "sparseCrossEntropy": // (softmax(logits) − onehot(label))·dy
      if (b === undefined) throw missing();
      return [sparseCrossEntropyGradient(a, b, dy), undefined];
    case "cachedAttention":
      throw userError("NOT_DIFFERENTIABLE", `${op.kind} has no gradient: it is for decoding`);
    case "sparseCrossEntropyGradient":
      throw userError("NOT_DIFFERENTIABLE", `${op.kind} has no gradient: second derivatives are not offered`);
  }
}

/**
 * Sum of the gradients that reached one tensor by its several uses. Slices that tile a tensor along an
 * axis come back as zero-padded pieces: those are concatenated, which saves the zeros and the additions.
 */
export function sumContributions(parts: readonly Tensor[]): Tensor | undefined {
  return (
    tiling(parts) ??
    parts.slice(1).reduce<Tensor | undefined>((sum, part) => sum && total(sum, part), parts[0])
  );
}

function tiling(parts: readonly Tensor[]): Tensor | undefined {
  if (parts.length < 2) return undefined;
  const pieces: { start: number; axis: number; piece: Tensor }[] = [];
  for (const { op, inputs, shape } of parts) {
    const [piece] = inputs;
    if (op.kind !== "pad" || piece === undefined) return undefined;
    const padded = shape.flatMap((dim, axis) => (piece.shape[axis] === dim ? [] : [axis]));
    const [axis] = padded;
    if (padded.length !== 1 || axis === undefined) return undefined;
    pieces.push({ start: op.before[axis] ?? 0, axis, piece });
  }
  pieces.sort((a, b) => a.start - b.start);
  const axis = pieces[0]?.axis ?? 0;
  let end = 0;
  for (const { start, axis: along, piece } of pieces) {
    if (along !== axis || start !== end) return undefined;
    end += piece.shape[axis] ?? 0;
  }
  if (end !== parts[0]?.shape[axis]) return undefined;
  return concat(
    pieces.map(({ piece }) => piece),
    axis,
  );
}
