/** Wrong shapes are refused where a graph is built, by op, by every shape that went in, and by place in the model. */
import { describe, expect, test } from "vitest";
import { cachedAttention } from "../../src/tensor/cached-attention.ts";
import { withScope, type Tensor } from "../../src/tensor/graph.ts";
import * as ops from "../../src/tensor/ops.ts";
import { defineProgram, defineVariable, feed, readVariable, type Effect } from "../../src/tensor/program.ts";
import type { HostDType, Shape } from "../../src/tensor/types.ts";
import type { Operation } from "./operations.ts";

const f32 = (...shape: number[]): Tensor => feed("x", shape);
const i32 = (...shape: number[]): Tensor => feed("i", shape, "int32");
const bool = (...shape: number[]): Tensor => feed("b", shape, "bool");

const bf16 = (...shape: number[]): Tensor => ops.cast(f32(...shape), "bfloat16");

type Refusal = readonly [build: () => Tensor, message: string];

const unary = (op: (x: Tensor) => Tensor): readonly Refusal[] => [
  [() => op(i32(2, 3)), "of int32(2, 3) in layers.3: needs float32"],
];
const elementwise = (op: (a: Tensor, b: Tensor) => Tensor): readonly Refusal[] => [
  [() => op(f32(2, 3), f32(2)), "of float32(2, 3) and float32(2) in layers.3: shapes do not broadcast"],
  [() => op(f32(2, 3), i32(2, 3)), "of float32(2, 3) and int32(2, 3) in layers.3: dtypes differ"],
];
const arithmetic = (op: (a: Tensor, b: Tensor) => Tensor): readonly Refusal[] => [
  ...elementwise(op),
  [() => op(bf16(2), bf16(2)), "of bfloat16(2) and bfloat16(2) in layers.3: needs float32 or int32"],
  [() => op(bool(2), bool(2)), "of bool(2) and bool(2) in layers.3: needs float32 or int32"],
];
const reduction = (op: (x: Tensor, options: ops.ReduceOptions) => Tensor): readonly Refusal[] => [
  [() => op(f32(2, 3), { axes: [2] }), "of float32(2, 3) in layers.3: no axis 2"],
  [() => op(f32(2, 3), { axes: [-3] }), "of float32(2, 3) in layers.3: no axis -1"],
  [() => op(f32(2, 3), { axes: [1, -1] }), "of float32(2, 3) in layers.3: an axis twice: 1, 1"],
  [() => op(bool(2, 3), {}), "of bool(2, 3) in layers.3: needs float32 or int32"],
];

/** (B 2, H 4, T 1, D 2) over (K 2, S 5), with something put in the place of one of them. */
function attention(change: Partial<Parameters<typeof cachedAttention>[0]>): Tensor {
  const cache = (name: string) => readVariable(defineVariable(name, [20, 2]));
  return cachedAttention({
    queries: f32(2, 4, 1, 2),
    keys: f32(2, 2, 1, 2),
    values: f32(2, 2, 1, 2),
    cachedKeys: cache("keys"),
    cachedValues: cache("values"),
    slots: i32(2, 1),
    length: i32(),
    ...change,
  });
}

const attentionOf = (change: Readonly<Record<string, string>>): string => {
  const [fresh, cache] = ["float32(2, 2, 1, 2)", "float32(20, 2)"];
  const types = {
    ...{ queries: "float32(2, 4, 1, 2)", keys: fresh, values: fresh },
    ...{ cachedKeys: cache, cachedValues: cache, slots: "int32(2, 1)", length: "int32()" },
    ...change,
  };
  return `of ${Object.values(types).join(" and ")} in layers.3: needs (B, H, T, D)`;
};

/** Every op but those that take any shape. */
const refusals: Readonly<Record<Operation, readonly Refusal[] | "takes any shape">> = {
  constant: "takes any shape",
  feed: "takes any shape",
  variable: "takes any shape",
  after: "takes any shape",
  cast: [
    [
      () => ops.cast(i32(2), "bfloat16"),
      "of int32(2) in layers.3: bfloat16 is not reached but through float32",
    ],
    [
      () => ops.cast(bf16(2), "int32"),
      "of bfloat16(2) in layers.3: int32 is not reached but through float32",
    ],
  ],
  // What it hands on was built before it.
  recomputed: "takes any shape",
  neg: unary(ops.neg),
  exp: unary(ops.exp),
  log: unary(ops.log),
  sqrt: unary(ops.sqrt),
  rsqrt: unary(ops.rsqrt),
  sigmoid: unary(ops.sigmoid),
  softplus: unary(ops.softplus),
  add: arithmetic(ops.add),
  sub: arithmetic(ops.sub),
  mul: arithmetic(ops.mul),
  div: arithmetic(ops.div),
  maximum: arithmetic(ops.maximum),
  minimum: arithmetic(ops.minimum),
  less: elementwise(ops.less),
  greaterEqual: elementwise(ops.greaterEqual),
  equal: elementwise(ops.equal),
  select: [
    [
      () => ops.select(bool(4), f32(2, 3), f32(2, 3)),
      "of bool(4) and float32(2, 3) and float32(2, 3) in layers.3: shapes do not broadcast",
    ],
    [
      () => ops.select(bool(2, 3), f32(2, 3), f32(2)),
      "of float32(2, 3) and float32(2) in layers.3: shapes do not broadcast",
    ],
    [
      () => ops.select(f32(2), f32(2), f32(2)),
      "of float32(2) and float32(2) and float32(2) in layers.3: the condition must be bool",
    ],
  ],
  "reduce.sum": reduction(ops.sum),
  "reduce.max": reduction(ops.max),
  argMax: [
    [() => ops.argMax(f32()), "of float32() in layers.3: needs float32 with a last axis that is not empty"],
    [() => ops.argMax(f32(2, 0)), "of float32(2, 0) in layers.3: needs float32 with a last axis"],
    [() => ops.argMax(i32(2, 3)), "of int32(2, 3) in layers.3: needs float32 with a last axis"],
  ],
  reshape: [[() => ops.reshape(f32(2, 3), [4]), "of float32(2, 3) in layers.3: (4) has another size"]],
  transpose: [
    [() => ops.transpose(f32(2, 3), [0]), "of float32(2, 3) in layers.3: [0] is not a permutation"],
    [() => ops.transpose(f32(2, 3), [1, 1]), "of float32(2, 3) in layers.3: [1, 1] is not a permutation"],
  ],
  broadcastTo: [
    [() => ops.broadcastTo(f32(2, 3), [2, 6]), "of float32(2, 3) in layers.3: does not broadcast to (2, 6)"],
    [() => ops.broadcastTo(f32(2, 3), [3]), "of float32(2, 3) in layers.3: does not broadcast to (3)"],
    [() => ops.broadcastTo(f32(2, 3), [2, 1]), "of float32(2, 3) in layers.3: does not broadcast to (2, 1)"],
  ],
  slice: [
    [() => ops.slice(f32(2, 3), [0, 2], [2, 2]), "of float32(2, 3) in layers.3: [0, 2] + [2, 2] leaves it"],
    [() => ops.slice(f32(2, 3), [-1, 0], [1, 1]), "of float32(2, 3) in layers.3: [-1, 0] + [1, 1] leaves"],
    [() => ops.slice(f32(2, 3), [0], [2]), "of float32(2, 3) in layers.3: [0] + [2] leaves it"],
  ],
  pad: [
    [() => ops.pad(f32(2, 3), [1], [1]), "of float32(2, 3) in layers.3: needs 2 of before and after"],
    [() => ops.pad(f32(2, 3), [0, -1], [0, 0]), "of float32(2, 3) in layers.3: [0, -1] and [0, 0] cut it"],
  ],
  concat: [
    [() => ops.concat([], 0), "of nothing in layers.3: needs a tensor or more"],
    [
      () => ops.concat([f32(2, 3), f32(3, 4)], 1),
      "of float32(2, 3) and float32(3, 4) in layers.3: may differ along axis 1 only",
    ],
    [() => ops.concat([f32(2), f32(2, 1)], 0), "of float32(2) and float32(2, 1) in layers.3: may differ"],
    [() => ops.concat([f32(2), i32(2)], 0), "of float32(2) and int32(2) in layers.3: may differ along"],
    [() => ops.concat([f32(2), f32(2)], 1), "of float32(2) and float32(2) in layers.3: no axis 1"],
  ],
  matmul: [
    [
      () => ops.matmul(f32(2, 3), f32(2, 3)),
      "of float32(2, 3) and float32(2, 3) in layers.3: inner dimensions 3 and 2 differ",
    ],
    [
      () => ops.matmul(f32(2, 3), f32(2, 3), { transposeA: true, transposeB: true }),
      "of float32(2, 3) and float32(2, 3) in layers.3: inner dimensions 2 and 3 differ",
    ],
    [
      () => ops.matmul(f32(5, 2, 3), f32(4, 3, 2)),
      "of float32(5, 2, 3) and float32(4, 3, 2) in layers.3: batch dimensions differ",
    ],
    [
      () => ops.matmul(f32(5, 2, 3), f32(3, 2)),
      "of float32(5, 2, 3) and float32(3, 2) in layers.3: needs equal ranks",
    ],
    [() => ops.matmul(f32(3), f32(3)), "of float32(3) and float32(3) in layers.3: needs equal ranks of two"],
    [() => ops.matmul(i32(2, 2), i32(2, 2)), "of int32(2, 2) and int32(2, 2) in layers.3: needs float32"],
  ],
  gather: [
    [
      () => ops.gather(f32(), i32(2)),
      "of float32() and int32(2) in layers.3: needs a table and int32 indices",
    ],
    [
      () => ops.gather(f32(4, 2), f32(2)),
      "of float32(4, 2) and float32(2) in layers.3: needs a table and int32",
    ],
  ],
  scatterAdd: [
    [
      () => ops.scatterAdd(i32(3), f32(2, 5), 4),
      "of int32(3) and float32(2, 5) in layers.3: needs one int32 index per row",
    ],
    [
      () => ops.scatterAdd(i32(2, 1), f32(2, 5), 4),
      "of int32(2, 1) and float32(2, 5) in layers.3: needs one",
    ],
    [
      () => ops.scatterAdd(f32(2), f32(2, 5), 4),
      "of float32(2) and float32(2, 5) in layers.3: needs one int32",
    ],
    [() => ops.scatterAdd(i32(2), bool(2), 4), "of int32(2) and bool(2) in layers.3: needs float32 or int32"],
  ],
  softmax: [
    [() => ops.softmax(f32()), "of float32() in layers.3: needs float32 with a last axis"],
    [() => ops.softmax(i32(2, 3)), "of int32(2, 3) in layers.3: needs float32 with a last axis"],
  ],
  cachedAttention: [
    [() => attention({ keys: f32(2, 2, 1, 3) }), attentionOf({ keys: "float32(2, 2, 1, 3)" })],
    [() => attention({ slots: i32(2, 2) }), attentionOf({ slots: "int32(2, 2)" })],
    [() => attention({ length: i32(1) }), attentionOf({ length: "int32(1)" })],
    [() => attention({ queries: f32(2, 3, 1, 2) }), attentionOf({ queries: "float32(2, 3, 1, 2)" })],
  ],
  sparseCrossEntropy: [
    [
      () => ops.sparseCrossEntropy(f32(4, 9), i32(3)),
      "of float32(4, 9) and int32(3) in layers.3: needs logits (N, V) and int32 labels (N)",
    ],
    [
      () => ops.sparseCrossEntropy(f32(2, 4, 9), i32(2, 4)),
      "of float32(2, 4, 9) and int32(2, 4) in layers.3:",
    ],
    [() => ops.sparseCrossEntropy(f32(4, 9), f32(4)), "of float32(4, 9) and float32(4) in layers.3: needs"],
  ],
  sparseCrossEntropyGradient: [
    [
      () => ops.sparseCrossEntropyGradient(f32(4, 9), i32(3), f32(4)),
      "of float32(4, 9) and int32(3) and float32(4) in layers.3: needs logits (N, V)",
    ],
    [
      () => ops.sparseCrossEntropyGradient(f32(4, 9), i32(4), f32(3)),
      "of float32(4, 9) and int32(4) and float32(3) in layers.3: needs logits (N, V)",
    ],
  ],
};

const refusing = Object.entries(refusals).flatMap(([name, cases]) =>
  cases === "takes any shape" ? [] : [{ name, cases }],
);

describe.each(refusing)("$name", ({ name, cases }) => {
  test.each(cases.map(([build, message]) => [message, build] as const))("%s", (message, build) => {
    expect(() => withScope("layers.3", build)).toThrow(
      expect.objectContaining({
        code: "SHAPE_MISMATCH",
        message: expect.stringContaining(`${name.replace("reduce.", "")} ${message}`) as string,
      }),
    );
  });
});

describe("effects", () => {
  const variable = (name: string, shape: Shape, dtype: HostDType = "float32") =>
    defineVariable(name, shape, dtype);
  const [w, m, v] = [variable("w", [2, 3]), variable("m", [2, 3]), variable("v", [2, 3])];
  const [short, table] = [variable("short", [3]), variable("table", [5, 2])];
  const scoped = (x: () => Tensor) => withScope("layers.3", () => ops.neg(x()));
  const adamW = (change: Partial<Extract<Effect, { kind: "adamW" }>>): Effect => ({
    kind: "adamW",
    parameter: w,
    firstMoment: m,
    secondMoment: v,
    gradient: f32(2, 3),
    learningRate: f32(),
    step: f32(),
    beta1: 0.9,
    beta2: 0.95,
    epsilon: 1e-8,
    weightDecay: 0,
    ...change,
  });

  test.each<[string, Effect]>([
    [
      "assign to w float32(2, 3): value is float32(3, 2) in layers.3, needs float32(2, 3)",
      { kind: "assign", variable: w, value: scoped(() => f32(3, 2)) },
    ],
    [
      "assignAdd to w float32(2, 3): value is int32(2, 3), needs float32(2, 3)",
      { kind: "assignAdd", variable: w, value: i32(2, 3) },
    ],
    [
      "assignRows to table float32(5, 2): value is float32(3, 3), needs float32(3, 2)",
      { kind: "assignRows", variable: table, rows: i32(3), value: f32(3, 3) },
    ],
    [
      "assignRows to table float32(5, 2): rows is int32(3, 1), needs int32(3)",
      { kind: "assignRows", variable: table, rows: i32(3, 1), value: f32(3, 2) },
    ],
    [
      "adamW to w float32(2, 3): gradient is float32(3) in layers.3, needs float32(2, 3)",
      adamW({ gradient: scoped(() => f32(3)) }),
    ],
    [
      "adamW to w float32(2, 3): secondMoment is float32(3), needs float32(2, 3)",
      adamW({ secondMoment: short }),
    ],
    [
      "adamW to w float32(2, 3): learningRate is float32(1), needs float32()",
      adamW({ learningRate: f32(1) }),
    ],
    ["adamW to w float32(2, 3): step is int32(), needs float32()", adamW({ step: i32() })],
    ["adamW on undeclared variable m", adamW({ firstMoment: variable("m", [2, 3]) })],
  ])("%s", (message, effect) => {
    const program = {
      variables: [w, m, v, short, table],
      functions: [{ name: "train", feeds: [], fetches: {}, effects: [effect] }],
    };
    expect(() => defineProgram(program)).toThrow(
      expect.objectContaining({ code: "PROGRAM_INVALID", message: `train: ${message}` }),
    );
  });
});
