/**
 * The op set in plain float64 loops, written for clarity: the oracle that gradients are differenced against and
 * that executors are compared with. Shares no code with either.
 */
import { ancestors, type Op, type Tensor } from "../../src/tensor/graph.ts";
import { sizeOf, type Shape } from "../../src/tensor/types.ts";

export interface Value {
  readonly shape: Shape;
  readonly data: readonly number[];
}

/** Values of `roots`, given those of feeds and variables by name. */
export function evaluate(roots: readonly Tensor[], given: Readonly<Record<string, Value>>): Value[] {
  const values = new Map<number, Value>();
  for (const node of ancestors(roots)) {
    const inputs = node.inputs.map(({ id }) => known(values.get(id)));
    const value = compute(node, inputs, given);
    values.set(node.id, node.dtype === "float32" ? value : { ...value, data: value.data.map(Math.trunc) });
  }
  return roots.map(({ id }) => known(values.get(id)));
}

const known = <T>(value: T | undefined): T => {
  if (value === undefined) throw new Error("missing value");
  return value;
};

/** Element `index` of an array that has it. */
const at = (data: readonly number[], index: number): number => known(data[index]);

/** Every multi-index of a shape, in row-major order. */
function positions(shape: Shape): number[][] {
  return shape.reduce<number[][]>(
    (prefixes, dim) => prefixes.flatMap((prefix) => Array.from({ length: dim }, (_, i) => [...prefix, i])),
    [[]],
  );
}

const flat = (position: readonly number[], shape: Shape): number =>
  position.reduce((index, coordinate, axis) => index * at(shape, axis) + coordinate, 0);

/** The element of `x` that broadcasting puts at `position`. */
function broadcastElement(x: Value, position: readonly number[]): number {
  const own = position.slice(position.length - x.shape.length);
  return at(
    x.data,
    flat(
      own.map((coordinate, axis) => (x.shape[axis] === 1 ? 0 : coordinate)),
      x.shape,
    ),
  );
}

const map = (shape: Shape, element: (position: number[]) => number): Value => ({
  shape,
  data: positions(shape).map(element),
});

function compute(node: Tensor, inputs: readonly Value[], given: Readonly<Record<string, Value>>): Value {
  const { op, shape } = node;
  const [a, b, c] = [() => known(inputs[0]), () => known(inputs[1]), () => known(inputs[2])];
  switch (op.kind) {
    case "constant":
      return { shape, data: [...op.value.data] };
    case "feed":
    case "variable":
      return known(given[op.name]);
    case "unary":
      return { shape, data: a().data.map(unary(op.fn)) };
    case "binary":
    case "compare":
      return map(shape, (p) => binary(op.fn)(broadcastElement(a(), p), broadcastElement(b(), p)));
    case "select":
      return map(shape, (p) => broadcastElement(broadcastElement(a(), p) === 0 ? c() : b(), p));
    case "cast":
      return { shape, data: a().data.map((x) => (op.dtype === "bool" ? Number(x !== 0) : x)) };
    case "reduce":
      return reduce(op, a());
    case "argMax": {
      const width = known(a().shape.at(-1));
      return map(shape, (p) => {
        const row = a().data.slice(flat(p, shape) * width, (flat(p, shape) + 1) * width);
        return row.indexOf(Math.max(...row));
      });
    }
    case "after":
    case "recomputed":
      return a();
    case "reshape":
      return { shape, data: a().data };
    case "transpose":
      return map(shape, (p) => {
        const source = a().shape.map((_, axis) => at(p, op.permutation.indexOf(axis)));
        return at(a().data, flat(source, a().shape));
      });
    case "broadcastTo":
      return map(shape, (p) => broadcastElement(a(), p));
    case "slice":
      return map(shape, (p) =>
        at(
          a().data,
          flat(
            p.map((i, axis) => i + at(op.begin, axis)),
            a().shape,
          ),
        ),
      );
    case "pad":
      return map(shape, (p) => {
        const source = p.map((i, axis) => i - at(op.before, axis));
        const inside = source.every((i, axis) => i >= 0 && i < at(a().shape, axis));
        return inside ? at(a().data, flat(source, a().shape)) : 0;
      });
    case "concat":
      return map(shape, (p) => {
        let along = at(p, op.axis);
        for (const part of inputs) {
          const length = at(part.shape, op.axis);
          if (along < length) return at(part.data, flat(p.with(op.axis, along), part.shape));
          along -= length;
        }
        throw new Error("outside");
      });
    case "matmul":
      return matmul(op, a(), b(), shape);
    case "gather": {
      const width = sizeOf(a().shape.slice(1));
      return {
        shape,
        data: b().data.flatMap((row) => a().data.slice(row * width, (row + 1) * width)),
      };
    }
    case "scatterAdd": {
      const width = sizeOf(shape.slice(1));
      const data = new Array<number>(sizeOf(shape)).fill(0);
      b().data.forEach((value, index) => {
        const target = at(a().data, Math.floor(index / width)) * width + (index % width);
        data[target] = at(data, target) + value;
      });
      return { shape, data };
    }
    case "softmax":
      return { shape, data: rows(a()).flatMap(softmaxRow) };
    case "cachedAttention":
      return cachedAttention(inputs.map(known), shape);
    case "sparseCrossEntropy":
      return {
        shape,
        data: rows(a()).map((row, n) => -Math.log(at(softmaxRow(row), at(b().data, n)))),
      };
    case "sparseCrossEntropyGradient":
      return {
        shape,
        data: rows(a()).flatMap((row, n) =>
          softmaxRow(row).map((p, v) => (p - Number(v === at(b().data, n))) * at(c().data, n)),
        ),
      };
  }
}

/** By the definition: every query's softmax over the slots up to its own, new keys and values in the slots they take. */
function cachedAttention(
  [queries, keys, values, cachedKeys, cachedValues, slots]: readonly Value[],
  shape: Shape,
): Value {
  const [q, k, v, oldK, oldV, slot] = [queries, keys, values, cachedKeys, cachedValues, slots].map(known);
  const [, numHeads = 0, time = 0, dim = 0] = shape;
  const [batch = 0, numKvHeads = 0] = known(k).shape;
  const capacity = at(known(oldK).shape, 0) / (batch * numKvHeads);
  const slotOf = (b: number, t: number) => at(known(slot).data, b * time + t);
  const element = (old: Value, fresh: Value, [b = 0, head = 0, s = 0, d = 0]: readonly number[]) => {
    const pair = b * numKvHeads + head;
    const token = Array.from({ length: time }, (_, t) => t).findLast((t) => slotOf(b, t) === s);
    return token === undefined
      ? at(old.data, (pair * capacity + s) * dim + d)
      : at(fresh.data, (pair * time + token) * dim + d);
  };
  return map(shape, ([b = 0, h = 0, t = 0, d = 0]) => {
    const head = Math.floor((h * numKvHeads) / numHeads);
    const seen = Array.from({ length: slotOf(b, t) + 1 }, (_, s) => s);
    const scores = seen.map((s) =>
      Array.from({ length: dim }, (_, i) => i).reduce(
        (sum, i) =>
          sum +
          at(known(q).data, flat([b, h, t, i], shape)) * element(known(oldK), known(k), [b, head, s, i]),
        0,
      ),
    );
    const weights = softmaxRow(scores);
    return seen.reduce((sum, s) => sum + at(weights, s) * element(known(oldV), known(v), [b, head, s, d]), 0);
  });
}

function rows(x: Value): number[][] {
  const width = known(x.shape.at(-1));
  return Array.from({ length: x.data.length / width }, (_, row) =>
    x.data.slice(row * width, (row + 1) * width),
  );
}

function softmaxRow(row: readonly number[]): number[] {
  const exps = row.map((x) => Math.exp(x - Math.max(...row)));
  const total = exps.reduce((sum, x) => sum + x, 0);
  return exps.map((x) => x / total);
}

function unary(fn: Extract<Op, { kind: "unary" }>["fn"]): (x: number) => number {
  switch (fn) {
    case "neg":
      return (x) => -x;
    case "exp":
      return Math.exp;
    case "log":
      return Math.log;
    case "sqrt":
      return Math.sqrt;
    case "rsqrt":
      return (x) => 1 / Math.sqrt(x);
    case "sigmoid":
      return (x) => 1 / (1 + Math.exp(-x));
    case "softplus":
      return (x) => Math.max(x, 0) + Math.log1p(Math.exp(-Math.abs(x)));
  }
}

function binary(fn: Extract<Op, { kind: "binary" | "compare" }>["fn"]): (a: number, b: number) => number {
  switch (fn) {
    case "add":
      return (a, b) => a + b;
    case "sub":
      return (a, b) => a - b;
    case "mul":
      return (a, b) => a * b;
    case "div":
      return (a, b) => a / b;
    case "maximum":
      return Math.max;
    case "minimum":
      return Math.min;
    case "less":
      return (a, b) => Number(a < b);
    case "greaterEqual":
      return (a, b) => Number(a >= b);
    case "equal":
      return (a, b) => Number(a === b);
  }
}

function reduce(op: Extract<Op, { kind: "reduce" }>, x: Value): Value {
  const kept = x.shape.map((dim, axis) => (op.axes.includes(axis) ? 1 : dim));
  const data = new Array<number>(sizeOf(kept)).fill(op.fn === "sum" ? 0 : -Infinity);
  for (const position of positions(x.shape)) {
    const target = flat(
      position.map((i, axis) => (op.axes.includes(axis) ? 0 : i)),
      kept,
    );
    const element = at(x.data, flat(position, x.shape));
    data[target] = op.fn === "sum" ? at(data, target) + element : Math.max(at(data, target), element);
  }
  return { shape: op.keepDims ? kept : kept.filter((_, axis) => !op.axes.includes(axis)), data };
}

function matmul(op: Extract<Op, { kind: "matmul" }>, a: Value, b: Value, shape: Shape): Value {
  const inner = known(a.shape.at(op.transposeA ? -2 : -1));
  return map(shape, (p) => {
    const [batch, [m = 0, n = 0]] = [p.slice(0, -2), p.slice(-2)];
    let sum = 0;
    for (let k = 0; k < inner; k++) {
      const left = flat([...batch, ...(op.transposeA ? [k, m] : [m, k])], a.shape);
      const right = flat([...batch, ...(op.transposeB ? [n, k] : [k, n])], b.shape);
      sum += at(a.data, left) * at(b.data, right);
    }
    return sum;
  });
}
