/** Small graphs over every op, with random shapes: what gradient and executor tests run through. */
import fc from "fast-check";
import type { Tensor } from "../../src/tensor/graph.ts";
import * as ops from "../../src/tensor/ops.ts";
import { feed } from "../../src/tensor/program.ts";
import { recomputed } from "../../src/tensor/recompute.ts";
import { float32, int32, sizeOf, type Shape } from "../../src/tensor/types.ts";
import type { Value } from "./reference-evaluator.ts";

export interface OpCase {
  /** Float32. */
  readonly y: Tensor;
  /** Float32 feeds with values; `y` is differentiable in each. */
  readonly given: readonly { readonly node: Tensor; readonly value: Value }[];
}

/** Σ y·w with fixed uneven weights: a scalar to which every element of y matters differently. */
export function weightedSum(y: Tensor): Tensor {
  const weights = Float32Array.from({ length: sizeOf(y.shape) }, (_, i) => 0.5 + ((i * 5) % 7) / 4);
  return ops.sum(ops.mul(y, ops.constant(float32(y.shape, weights))));
}

export const feedName = ({ op }: Tensor): string => (op.kind === "feed" ? op.name : "");

const dim = fc.integer({ min: 1, max: 4 });
const shape = (minLength: number, maxLength: number) => fc.array(dim, { minLength, maxLength });

/** Distinct, evenly spaced values in random order: no ties, so that maxima are differentiable. */
function valueOf(shape: Shape, seed: number, transform: (x: number) => number = (x) => x): Value {
  const size = sizeOf(shape);
  const order = Array.from({ length: size }, (_, index) => index);
  let state = seed;
  for (let index = size - 1; index > 0; index--) {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    const other = state % (index + 1);
    [order[index], order[other]] = [order[other] ?? 0, order[index] ?? 0];
  }
  return { shape, data: order.map((rank) => transform((rank - size / 2 + 0.25) / Math.max(8, size / 8))) };
}

type Builder1 = (x: Tensor) => Tensor;
type Builder2 = (a: Tensor, b: Tensor) => Tensor;
type Transform = (x: number) => number;
const positive: Transform = (x) => Math.abs(x) + 0.5;

/** A feed named `name` with its value. */
const input = (name: string, shape: Shape, seed: number, transform?: Transform) => ({
  node: feed(name, shape),
  value: valueOf(shape, seed, transform),
});

function oneInput(shape: Shape, seed: number, make: Builder1, transform?: Transform): OpCase {
  const x = input("x", shape, seed, transform);
  return { y: make(x.node), given: [x] };
}

function twoInputs(
  [left, right]: readonly [Shape, Shape],
  seed: number,
  make: Builder2,
  transform?: Transform,
): OpCase {
  const [a, b] = [input("a", left, seed, transform), input("b", right, seed + 1, transform)];
  return { y: make(a.node, b.node), given: [a, b] };
}

const seeded = fc.integer({ min: 0, max: 1_000_000 });

const unary = (op: (x: Tensor) => Tensor, transform?: Transform) =>
  fc.tuple(shape(0, 3), seeded).map(([s, seed]) => oneInput(s, seed, op, transform));

/** Two shapes that broadcast: ones replace some dimensions, leading ones are dropped. */
const broadcastPair = fc
  .tuple(shape(0, 3), fc.array(fc.boolean(), { minLength: 6, maxLength: 6 }), fc.nat(2), fc.nat(2))
  .map(([full, ones, dropA, dropB]): [Shape, Shape] => [
    full.map((d, axis) => (ones[axis] === true ? 1 : d)).slice(dropA),
    full.map((d, axis) => (ones[axis + 3] === true ? 1 : d)).slice(dropB),
  ]);

const binary = (op: (a: Tensor, b: Tensor) => Tensor, transform?: Transform) =>
  fc.tuple(broadcastPair, seeded).map(([shapes, seed]) => twoInputs(shapes, seed, op, transform));

const axesOf = (s: Shape, bits: readonly boolean[]) =>
  s.flatMap((_, axis) => (bits[axis] === true ? [axis] : []));
const reduction = (op: (x: Tensor, options: ops.ReduceOptions) => Tensor) =>
  fc
    .tuple(shape(1, 3), fc.array(fc.boolean(), { minLength: 3, maxLength: 3 }), fc.boolean(), seeded)
    .map(([s, bits, keepDims, seed]) => oneInput(s, seed, (x) => op(x, { axes: axesOf(s, bits), keepDims })));

const matmul = fc
  .tuple(shape(0, 2), dim, dim, dim, fc.boolean(), fc.boolean(), seeded)
  .map(([batch, m, k, n, transposeA, transposeB, seed]) =>
    twoInputs(
      [
        [...batch, ...(transposeA ? [k, m] : [m, k])],
        [...batch, ...(transposeB ? [n, k] : [k, n])],
      ],
      seed,
      (a, b) => ops.matmul(a, b, { transposeA, transposeB }),
    ),
  );

const indices = (count: number, below: number, seed: number, s: Shape = [count]) =>
  ops.constant(
    int32(
      s,
      Int32Array.from({ length: count }, (_, i) => (i * 7 + seed) % below),
    ),
  );

export const opCases: Readonly<Record<string, fc.Arbitrary<OpCase>>> = {
  neg: unary(ops.neg),
  exp: unary(ops.exp),
  log: unary(ops.log, positive),
  sqrt: unary(ops.sqrt, positive),
  rsqrt: unary(ops.rsqrt, positive),
  sigmoid: unary(ops.sigmoid),
  softplus: unary(ops.softplus),
  square: unary((x) => ops.mul(x, x)),
  add: binary(ops.add),
  sub: binary(ops.sub),
  mul: binary(ops.mul),
  div: binary(ops.div, positive),
  // Moved apart by a little, so that no two elements tie.
  maximum: binary((a, b) => ops.maximum(a, ops.add(b, 0.03))),
  minimum: binary((a, b) => ops.minimum(a, ops.add(b, 0.03))),
  select: binary((a, b) => ops.select(ops.less(a, ops.add(b, 0.03)), ops.mul(a, 3), b)),
  "select by a condition of its own shape": fc
    .tuple(broadcastPair, fc.nat(2), seeded)
    .map(([[left, right], dropped, seed]) =>
      twoInputs([left, right], seed, (a, b) => {
        const whole = ops.broadcastShapes(left, right) ?? [];
        const condition = whole.slice(dropped).map((d, axis) => ((seed >> axis) % 2 === 0 ? 1 : d));
        const bits = Uint8Array.from({ length: sizeOf(condition) }, (_, i) => ((i * 3 + seed) >> 1) % 2);
        return ops.select(ops.constant({ dtype: "bool", shape: condition, data: bits }), a, b);
      }),
    ),
  "compare and cast": binary((a, b) =>
    ops.mul(a, ops.cast(ops.greaterEqual(ops.mul(b, 2), ops.add(b, 0.03)), "float32")),
  ),
  // Within its step a comparison does not change: only the product with it has a slope.
  equal: binary((a, b) =>
    ops.mul(ops.add(a, b), ops.cast(ops.equal(ops.mul(a, 0), ops.mul(b, 0)), "float32")),
  ),
  argMax: fc
    .tuple(shape(1, 3), seeded)
    .map(([s, seed]) =>
      oneInput(s, seed, (x) => ops.add(ops.sum(x, { axes: [-1] }), ops.cast(ops.argMax(x), "float32"))),
    ),
  sum: reduction(ops.sum),
  max: reduction(ops.max),
  mean: reduction(ops.mean),
  reshape: unary((x) => ops.mul(ops.reshape(x, [x.shape.reduce((a, b) => a * b, 1)]), 2)),
  transpose: fc
    .tuple(shape(1, 4), fc.nat(23), seeded)
    .map(([s, rotation, seed]) =>
      oneInput(s, seed, (x) =>
        ops.transpose(
          x,
          rotation % 2 === 0
            ? s.map((_, axis) => (axis + rotation) % s.length)
            : s.map((_, axis) => s.length - 1 - axis),
        ),
      ),
    ),
  "transpose of the last two": fc
    .tuple(shape(0, 2), fc.integer({ min: 1, max: 20 }), fc.integer({ min: 1, max: 20 }), seeded)
    .map(([batch, m, n, seed]) =>
      oneInput([...batch, m, n], seed, (x) => {
        const rank = x.shape.length;
        return ops.transpose(
          x,
          x.shape.map((_, axis) => (axis < rank - 2 ? axis : 2 * rank - 3 - axis)),
        );
      }),
    ),
  broadcastTo: binary((a, b) => ops.broadcastTo(a, ops.broadcastShapes(a.shape, b.shape) ?? [])),
  slice: fc.tuple(shape(1, 3), fc.nat(3), fc.nat(3), seeded).map(([s, from, cut, seed]) =>
    oneInput(s, seed, (x) => {
      const begin = s.map((d) => Math.min(from, d - 1));
      return ops.slice(
        x,
        begin,
        s.map((d, axis) => Math.max(1, d - (begin[axis] ?? 0) - cut)),
      );
    }),
  ),
  pad: fc.tuple(shape(1, 3), fc.nat(2), fc.nat(2), seeded).map(([s, before, after, seed]) =>
    oneInput(s, seed, (x) =>
      ops.pad(
        x,
        s.map(() => before),
        s.map((_, axis) => (axis === 0 ? 0 : after)),
      ),
    ),
  ),
  concat: fc.tuple(shape(1, 3), dim, fc.nat(2), seeded).map(([s, other, place, seed]) => {
    const axis = place % s.length;
    return twoInputs([s, s.with(axis, other)], seed, (a, b) => ops.concat([a, b, a], axis));
  }),
  "slices that tile": fc.tuple(shape(0, 2), dim, dim, seeded).map(([s, left, right, seed]) =>
    oneInput([...s, left + right], seed, (x) => {
      const zero = s.map(() => 0);
      const a = ops.slice(x, [...zero, 0], [...s, left]);
      const b = ops.slice(x, [...zero, left], [...s, right]);
      return ops.concat([ops.mul(b, 2), ops.exp(a)], -1);
    }),
  ),
  matmul,
  after: binary((a, b) => ops.mul(ops.after(a, [b]), b)),
  recomputed: binary((a, b) =>
    recomputed([a, b], ([x = a, y = b]) => ops.mul(ops.sigmoid(ops.mul(x, y)), y)),
  ),
  gather: fc
    .tuple(shape(1, 3), shape(0, 2), seeded)
    .map(([s, at, seed]) =>
      oneInput(s, seed, (table) => ops.gather(table, indices(sizeOf(at), s[0] ?? 1, seed, at))),
    ),
  scatterAdd: fc
    .tuple(shape(1, 3), dim, seeded)
    .map(([s, height, seed]) =>
      oneInput(s, seed, (updates) => ops.scatterAdd(indices(s[0] ?? 1, height, seed), updates, height)),
    ),
  softmax: fc.tuple(shape(1, 3), seeded).map(([s, seed]) => oneInput(s, seed, (x) => ops.softmax(x))),
  sparseCrossEntropy: fc
    .tuple(dim, dim, seeded)
    .map(([n, v, seed]) => oneInput([n, v], seed, (x) => ops.sparseCrossEntropy(x, indices(n, v, seed)))),
};
