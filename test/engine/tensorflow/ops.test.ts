/** Every op against the eager op of tfjs's cpu backend, an implementation that is not ours. */
import "@tensorflow/tfjs-backend-cpu";
import * as tf from "@tensorflow/tfjs-core";
import fc from "fast-check";
import { expect, test } from "vitest";
import type { Tensor } from "../../../src/tensor/graph.ts";
import * as ops from "../../../src/tensor/ops.ts";
import { feed } from "../../../src/tensor/program.ts";
import { sizeOf, type HostTensor, type Shape } from "../../../src/tensor/types.ts";
import { compileFunction, describeNative } from "./native.ts";

const RUNS = { numRuns: 20 };

const shapes = (minRank: number, maxRank: number): fc.Arbitrary<number[]> =>
  fc.array(fc.integer({ min: 1, max: 5 }), { minLength: minRank, maxLength: maxRank });

/** Values that float32 holds exactly, so that only the op rounds. */
const floats = (shape: Shape, min = -8, max = 8): fc.Arbitrary<HostTensor> =>
  fc
    .array(fc.integer({ min: min * 64, max: max * 64 }), {
      minLength: sizeOf(shape),
      maxLength: sizeOf(shape),
    })
    .map((values) => ({ dtype: "float32", shape, data: Float32Array.from(values, (value) => value / 64) }));

const indices = (shape: Shape, below: number): fc.Arbitrary<HostTensor> =>
  fc
    .array(fc.integer({ min: 0, max: below - 1 }), { minLength: sizeOf(shape), maxLength: sizeOf(shape) })
    .map((values) => ({ dtype: "int32", shape, data: Int32Array.from(values) }));

const booleans = (shape: Shape): fc.Arbitrary<HostTensor> =>
  fc
    .array(fc.boolean(), { minLength: sizeOf(shape), maxLength: sizeOf(shape) })
    .map((values) => ({ dtype: "bool", shape, data: Uint8Array.from(values, Number) }));

/** Some axes of length 1 and some leading axes missing, as broadcasting allows. */
const narrowed = (shape: Shape): fc.Arbitrary<number[]> =>
  fc
    .tuple(fc.array(fc.boolean(), { minLength: shape.length, maxLength: shape.length }), fc.nat(shape.length))
    .map(([ones, drop]) => shape.map((dim, axis) => (ones[axis] === true ? 1 : dim)).slice(drop));

interface Case {
  readonly given: readonly HostTensor[];
  readonly ours: (inputs: readonly Tensor[]) => Readonly<Record<string, Tensor>>;
  readonly theirs: (inputs: readonly tf.Tensor[]) => Readonly<Record<string, tf.Tensor>>;
}

/** Relative to the largest magnitude that went into an element; 0 demands equality. */
async function checkAgainstTfjs({ given, ours, theirs }: Case, tolerance: number): Promise<void> {
  const nodes = given.map(({ shape, dtype }, index) => feed(`x${index}`, shape, dtype));
  await using executable = await compileFunction(nodes, ours(nodes));
  const results = await executable.call(
    "run",
    Object.fromEntries(given.map((value, index) => [`x${index}`, value])),
  );
  tf.tidy(() => {
    const expected = theirs(
      given.map(({ data, shape, dtype }) => tf.tensor(data.slice(), [...shape], dtype)),
    );
    expect(Object.keys(results)).toEqual(Object.keys(expected));
    for (const [name, want] of Object.entries(expected)) {
      const got = results[name];
      expect([name, got?.dtype, got?.shape]).toEqual([name, want.dtype, want.shape]);
      const wanted = want.dataSync();
      got?.data.forEach((value, index) => {
        const target = Number(wanted[index]);
        // NaN and infinities must be the same ones.
        if (!Number.isFinite(target)) expect([name, value]).toEqual([name, target]);
        else expect(Math.abs(value - target), name).toBeLessThanOrEqual(tolerance * (1 + Math.abs(target)));
      });
    }
  });
}

function matches(cases: fc.Arbitrary<Case>, tolerance = 0): Promise<void> {
  return fc.assert(
    fc.asyncProperty(cases, (one) => checkAgainstTfjs(one, tolerance)),
    RUNS,
  );
}

const pick = <Value>(values: readonly Value[], index: number): Value => {
  const value = values[index];
  if (value === undefined) throw new Error(`the case has no input ${index}`);
  return value;
};
const one =
  <In, Out>(build: (x: In) => Out) =>
  (inputs: readonly In[]): Out =>
    build(pick(inputs, 0));
const two =
  <In, Out>(build: (a: In, b: In) => Out) =>
  (inputs: readonly In[]): Out =>
    build(pick(inputs, 0), pick(inputs, 1));
const three =
  <In, Out>(build: (a: In, b: In, c: In) => Out) =>
  (inputs: readonly In[]): Out =>
    build(pick(inputs, 0), pick(inputs, 1), pick(inputs, 2));

await tf.setBackend("cpu");

describeNative("lowered ops", () => {
  test("unary functions", () =>
    matches(
      shapes(0, 3).chain((shape) =>
        fc.tuple(floats(shape), floats(shape, 1, 9)).map((given) => ({
          given,
          ours: two((x, positive) => ({
            neg: ops.neg(x),
            exp: ops.exp(x),
            sigmoid: ops.sigmoid(x),
            softplus: ops.softplus(x),
            log: ops.log(positive),
            sqrt: ops.sqrt(positive),
            rsqrt: ops.rsqrt(positive),
          })),
          theirs: two((x, positive) => ({
            neg: tf.neg(x),
            exp: tf.exp(x),
            sigmoid: tf.sigmoid(x),
            softplus: tf.softplus(x),
            log: tf.log(positive),
            sqrt: tf.sqrt(positive),
            rsqrt: tf.rsqrt(positive),
          })),
        })),
      ),
      2e-6,
    ));

  test("softplus of large numbers neither overflows nor vanishes", async () => {
    const data = Float32Array.of(-120, -40, 40, 120);
    const x = feed("x", [4]);
    await using executable = await compileFunction([x], { y: ops.softplus(x) });
    const { y } = await executable.call("run", { x: { dtype: "float32", shape: [4], data } });
    const expected = [...data].map((value) => Math.max(value, 0) + Math.log1p(Math.exp(-Math.abs(value))));
    expected.forEach((value, index) => expect(y?.data[index]).toBeCloseTo(value, 6));
  });

  const pairs = shapes(0, 4).chain((shape) =>
    fc.tuple(narrowed(shape), fc.boolean()).chain(([other, swap]) => {
      const [a, b] = swap ? [other, shape] : [shape, other];
      return fc.tuple(floats(a), floats(b, 1, 9));
    }),
  );

  test("binary functions, with broadcasting", () =>
    matches(
      pairs.map((given) => ({
        given,
        ours: two((a, b) => ({
          add: ops.add(a, b),
          sub: ops.sub(a, b),
          mul: ops.mul(a, b),
          div: ops.div(a, b),
          maximum: ops.maximum(a, b),
          minimum: ops.minimum(a, b),
        })),
        theirs: two((a, b) => ({
          add: tf.add(a, b),
          sub: tf.sub(a, b),
          mul: tf.mul(a, b),
          div: tf.div(a, b),
          maximum: tf.maximum(a, b),
          minimum: tf.minimum(a, b),
        })),
      })),
      2e-7,
    ));

  test("int32 arithmetic", () =>
    matches(
      shapes(0, 3).chain((shape) =>
        fc.tuple(indices(shape, 50), indices(shape, 50)).map((given) => ({
          given,
          ours: two((a, b) => ({ add: ops.add(a, b), sub: ops.sub(a, b), mul: ops.mul(a, b) })),
          theirs: two((a, b) => ({ add: tf.add(a, b), sub: tf.sub(a, b), mul: tf.mul(a, b) })),
        })),
      ),
    ));

  test("comparisons, with broadcasting", () =>
    matches(
      pairs.map((given) => ({
        given,
        ours: two((a, b) => ({
          less: ops.less(a, b),
          greaterEqual: ops.greaterEqual(a, b),
          equal: ops.equal(a, b),
        })),
        theirs: two((a, b) => ({
          less: tf.less(a, b),
          greaterEqual: tf.greaterEqual(a, b),
          equal: tf.equal(a, b),
        })),
      })),
    ));

  test("select, with broadcasting over all three", () =>
    matches(
      shapes(0, 3).chain((shape) =>
        fc
          .tuple(narrowed(shape), narrowed(shape))
          .chain(([condition, a]) => fc.tuple(booleans(condition), floats(a), floats(shape)))
          .map((given) => ({
            given,
            ours: three((condition, a, b) => ({ y: ops.select(condition, a, b) })),
            theirs: three((condition, a, b) => ({ y: tf.where(condition, a, b) })),
          })),
      ),
    ));

  test("casts truncate towards zero and make 0 and 1 of bool", () =>
    matches(
      shapes(0, 3).chain((shape) =>
        fc.tuple(floats(shape), indices(shape, 9), booleans(shape)).map((given) => ({
          given,
          ours: three((x, i, b) => ({
            floatToInt: ops.cast(x, "int32"),
            floatToBool: ops.cast(x, "bool"),
            intToFloat: ops.cast(i, "float32"),
            boolToFloat: ops.cast(b, "float32"),
            boolToInt: ops.cast(b, "int32"),
          })),
          theirs: three((x, i, b) => ({
            floatToInt: tf.cast(x, "int32"),
            floatToBool: tf.cast(x, "bool"),
            intToFloat: tf.cast(i, "float32"),
            boolToFloat: tf.cast(b, "float32"),
            boolToInt: tf.cast(b, "int32"),
          })),
        })),
      ),
    ));

  test("sum and max over any axes, kept or dropped", () =>
    matches(
      shapes(1, 4).chain((shape) =>
        fc
          .tuple(floats(shape), fc.subarray([...shape.keys()], { minLength: 1 }), fc.boolean())
          .map(([x, axes, keepDims]) => ({
            given: [x],
            ours: one((input) => ({
              sum: ops.sum(input, { axes, keepDims }),
              max: ops.max(input, { axes, keepDims }),
            })),
            theirs: one((input) => ({
              sum: tf.sum(input, axes, keepDims),
              max: tf.max(input, axes, keepDims),
            })),
          })),
      ),
      1e-5,
    ));

  test("argMax takes the first of equals", () =>
    matches(
      shapes(1, 3).chain((shape) =>
        floats(shape, 0, 1)
          .map(({ data }): HostTensor => ({
            dtype: "float32",
            shape,
            data: Float32Array.from(data, Math.round),
          }))
          .map((x) => ({
            given: [x],
            ours: one((input) => ({ y: ops.argMax(input) })),
            theirs: one((input) => ({ y: tf.argMax(input, -1) })),
          })),
      ),
    ));

  test("reshape, transpose and broadcastTo", () =>
    matches(
      shapes(1, 4).chain((shape) =>
        fc
          .tuple(
            floats(shape),
            fc.shuffledSubarray([...shape.keys()], { minLength: shape.length }),
            narrowed(shape).chain((narrow) => floats(narrow)),
          )
          .map(([x, permutation, narrow]) => ({
            given: [x, narrow],
            ours: two((a, b) => ({
              reshape: ops.reshape(a, [sizeOf(shape), 1]),
              transpose: ops.transpose(a, permutation),
              broadcastTo: ops.mul(ops.broadcastTo(b, shape), 1),
            })),
            theirs: two((a, b) => ({
              reshape: tf.reshape(a, [sizeOf(shape), 1]),
              transpose: tf.transpose(a, permutation),
              broadcastTo: tf.broadcastTo(b, shape),
            })),
          })),
      ),
    ));

  test("slice, pad and concat", () =>
    matches(
      shapes(1, 4).chain((shape) =>
        fc
          .tuple(
            floats(shape),
            fc.tuple(...shape.map((dim) => fc.tuple(fc.nat(dim - 1), fc.nat(2), fc.nat(2)))),
            fc.nat(shape.length - 1),
          )
          .map(([x, cuts, axis]) => {
            const begin = cuts.map(([start]) => start);
            const size = shape.map((dim, index) => dim - (begin[index] ?? 0));
            const [before, after] = [cuts.map(([, count]) => count), cuts.map(([, , count]) => count)];
            return {
              given: [x],
              ours: one((input: Tensor) => ({
                slice: ops.slice(input, begin, size),
                pad: ops.pad(input, before, after),
                concat: ops.concat([input, input, input], axis),
              })),
              theirs: one((input: tf.Tensor) => ({
                slice: tf.slice(input, begin, size),
                pad: tf.pad(
                  input,
                  cuts.map(([, left, right]): [number, number] => [left, right]),
                ),
                concat: tf.concat([input, input, input], axis),
              })),
            };
          }),
      ),
    ));

  test("matmul of any rank and any transposition", () =>
    matches(
      fc
        .tuple(shapes(0, 2), shapes(3, 3), fc.boolean(), fc.boolean())
        .chain(([batch, [m = 1, k = 1, n = 1], transposeA, transposeB]) =>
          fc
            .tuple(
              floats([...batch, ...(transposeA ? [k, m] : [m, k])]),
              floats([...batch, ...(transposeB ? [n, k] : [k, n])]),
            )
            .map((given) => ({
              given,
              ours: two((a: Tensor, b: Tensor) => ({ y: ops.matmul(a, b, { transposeA, transposeB }) })),
              theirs: two((a: tf.Tensor, b: tf.Tensor) => ({ y: tf.matMul(a, b, transposeA, transposeB) })),
            })),
        ),
      1e-5,
    ));

  test("gather, and scatterAdd where indices repeat", () =>
    matches(
      fc.tuple(shapes(1, 3), shapes(0, 2), fc.integer({ min: 1, max: 30 })).chain(([table, at, count]) =>
        fc
          .tuple(
            floats(table),
            indices(at, table[0] ?? 1),
            indices([count], table[0] ?? 1),
            floats([count, ...table.slice(1)]),
          )
          .map((given) => ({
            given,
            ours: (inputs: readonly Tensor[]) => ({
              gather: ops.gather(pick(inputs, 0), pick(inputs, 1)),
              scatterAdd: ops.scatterAdd(pick(inputs, 2), pick(inputs, 3), table[0] ?? 1),
            }),
            theirs: (inputs: readonly tf.Tensor[]) => ({
              gather: tf.gather(pick(inputs, 0), pick(inputs, 1)),
              scatterAdd: tf.unsortedSegmentSum(
                pick(inputs, 3),
                pick(inputs, 2) as tf.Tensor1D,
                table[0] ?? 1,
              ),
            }),
          })),
      ),
      1e-5,
    ));

  test("softmax along the last axis", () =>
    matches(
      shapes(1, 4)
        .chain((shape) => floats(shape))
        .map((x) => ({
          given: [x],
          ours: one((input) => ({ y: ops.softmax(input) })),
          theirs: one((input) => ({ y: tf.softmax(input) })),
        })),
      2e-6,
    ));

  test("cross entropy and its gradient, asked for together or alone", () =>
    matches(
      fc
        .tuple(shapes(1, 1), fc.integer({ min: 2, max: 9 }), fc.boolean())
        .chain(([[rows = 1], vocabulary, alone]) =>
          fc.tuple(floats([rows, vocabulary]), indices([rows], vocabulary), floats([rows])).map((given) => ({
            given,
            ours: three((logits: Tensor, labels: Tensor, upstream: Tensor) => ({
              ...(alone ? {} : { loss: ops.sparseCrossEntropy(logits, labels) }),
              gradient: ops.sparseCrossEntropyGradient(logits, labels, upstream),
            })),
            theirs: three((logits: tf.Tensor, labels: tf.Tensor, upstream: tf.Tensor) => {
              const target = tf.oneHot(labels as tf.Tensor1D, vocabulary).cast("float32");
              const loss = tf.neg(tf.sum(tf.mul(target, tf.logSoftmax(logits)), -1));
              const gradient = tf.mul(tf.sub(tf.softmax(logits), target), tf.expandDims(upstream, -1));
              return { ...(alone ? {} : { loss }), gradient };
            }),
          })),
        ),
      1e-5,
    ));

  test("cross entropy of logits that overflow a naive exponential", async () => {
    const [logits, labels, upstream] = [
      feed("logits", [4, 3]),
      feed("labels", [4], "int32"),
      feed("up", [4]),
    ];
    await using executable = await compileFunction([logits, labels, upstream], {
      loss: ops.sparseCrossEntropy(logits, labels),
      gradient: ops.sparseCrossEntropyGradient(logits, labels, upstream),
    });
    const rows = [
      [1000, 0, -1000],
      [1000, 0, -1000],
      [-500, -500, -500],
      [3e4, 3e4, -3e4],
    ];
    const { loss, gradient } = await executable.call("run", {
      logits: { dtype: "float32", shape: [4, 3], data: Float32Array.from(rows.flat()) },
      labels: { dtype: "int32", shape: [4], data: Int32Array.of(0, 2, 1, 0) },
      up: { dtype: "float32", shape: [4], data: Float32Array.of(1, 1, 3, 1) },
    });
    const expected = {
      loss: [0, 2000, Math.log(3), Math.LN2],
      gradient: [0, 0, 0, 1, 0, -1, 1, -2, 1, -0.5, 0.5, 0],
    };
    expected.loss.forEach((value, index) => expect(loss?.data[index]).toBeCloseTo(value, 6));
    expected.gradient.forEach((value, index) => expect(gradient?.data[index]).toBeCloseTo(value, 6));
  });

  test("constants of every dtype, small and large", async () => {
    const values: HostTensor[] = [
      { dtype: "float32", shape: [2, 2], data: Float32Array.of(1.5, -0, Infinity, 1e-40) },
      { dtype: "int32", shape: [3], data: Int32Array.of(-7, 0, 2 ** 31 - 1) },
      { dtype: "bool", shape: [2, 1], data: Uint8Array.of(1, 0) },
      { dtype: "float32", shape: [5000], data: Float32Array.from({ length: 5000 }, (_, i) => i / 3) },
    ];
    const fetches = Object.fromEntries(values.map((value, index) => [`c${index}`, ops.constant(value)]));
    await using executable = await compileFunction([], fetches);
    const results = await executable.call("run", {});
    expect(Object.values(results)).toEqual(values);
  });
});
