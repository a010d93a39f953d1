/**
 * How each op of src/tensor runs on tfjs, on any backend. A kernel makes one new tensor and leaves its
 * inputs alone. What a backend does slowly is overridden beside it (wasm-kernels.ts).
 */
import * as tf from "@tensorflow/tfjs-core";
import type { BinaryFunction, CompareFunction, Op, Tensor, UnaryFunction } from "../../tensor/graph.ts";
import { roundToBfloat16 } from "../../tensor/bfloat16.ts";
import { cachedAttentionKernel, tfjsAttentionParts } from "./cached-attention.ts";
import { present, type Kernel } from "./kernel.ts";
import { sizeOf, type DType, type HostTensor } from "../../tensor/types.ts";

/** Another tensor on the same memory (tfjs counts its users); tf.clone would copy on wasm. */
export const share = (x: tf.Tensor): tf.Tensor => tf.reshape(x, x.shape);

const unary: Record<UnaryFunction, (x: tf.Tensor) => tf.Tensor> = {
  neg: tf.neg,
  exp: tf.exp,
  log: tf.log,
  sqrt: tf.sqrt,
  rsqrt: tf.rsqrt,
  sigmoid: tf.sigmoid,
  softplus: tf.softplus,
};

const binary: Record<BinaryFunction, (a: tf.Tensor, b: tf.Tensor) => tf.Tensor> = {
  add: tf.add,
  sub: tf.sub,
  mul: tf.mul,
  div: tf.div,
  maximum: tf.maximum,
  minimum: tf.minimum,
};

const compare: Record<CompareFunction, (a: tf.Tensor, b: tf.Tensor) => tf.Tensor> = {
  less: tf.less,
  greaterEqual: tf.greaterEqual,
  equal: tf.equal,
};

/** Copies: a backend may keep the array that it is given, and the caller may reuse it. */
export const upload = (value: HostTensor): tf.Tensor =>
  tf.tensor(value.data.slice(), [...value.shape], value.dtype);

const one =
  (run: (x: tf.Tensor) => tf.Tensor): Kernel =>
  ([x]) =>
    run(present(x));

const two =
  (run: (a: tf.Tensor, b: tf.Tensor) => tf.Tensor): Kernel =>
  ([a, b]) =>
    run(present(a), present(b));

const three =
  (run: (a: tf.Tensor, b: tf.Tensor, c: tf.Tensor) => tf.Tensor): Kernel =>
  ([a, b, c]) =>
    tf.tidy(() => run(present(a), present(b), present(c)));

/** tfjs has no bfloat16: such a tensor is a float32 one of which every element is a bfloat16. */
function castTo(dtype: DType): Kernel {
  if (dtype === "bfloat16") return one(rounded);
  return one((x) => (x.dtype === dtype ? share(x) : tf.cast(x, dtype)));
}

/** A kernel whose result is rounded where the node's is bfloat16. */
export function roundedFor({ dtype }: Tensor, kernel: Kernel): Kernel {
  if (dtype !== "bfloat16") return kernel;
  return (inputs) => tf.tidy(() => rounded(kernel(inputs)));
}

function rounded(x: tf.Tensor): tf.Tensor {
  const values = Float32Array.from(x.dataSync());
  roundToBfloat16(values);
  return tf.tensor(values, x.shape);
}

/** Ops that compute; constants, feeds and variables are values and have no kernel. */
export type ComputedOp = Exclude<Op, { readonly kind: "constant" | "feed" | "variable" }>;

/** The kernel of `op`, whose result has the shape of `node`. */
export function tfjsKernel(op: ComputedOp, node: Tensor): Kernel {
  const shape = [...node.shape];
  switch (op.kind) {
    case "unary":
      return one(unary[op.fn]);
    case "binary":
      return two(binary[op.fn]);
    case "compare":
      return two(compare[op.fn]);
    case "select":
      return three((condition, a, b) => tf.where(condition, a, b));
    case "cast":
      return castTo(op.dtype);
    case "reduce": {
      const reduce = op.fn === "sum" ? tf.sum : tf.max;
      const axes = [...op.axes];
      return one((x) => reduce(x, axes, op.keepDims));
    }
    case "argMax":
      return one((x) => tf.argMax(x, -1));
    case "after":
    case "recomputed":
      return one(share);
    case "reshape":
      return one((x) => tf.reshape(x, shape));
    case "transpose": {
      const permutation = [...op.permutation];
      return one((x) => tf.transpose(x, permutation));
    }
    case "broadcastTo":
      return one((x) => tf.broadcastTo(x, shape));
    case "slice": {
      const [begin, size] = [[...op.begin], [...op.size]];
      return one((x) => tf.slice(x, begin, size));
    }
    case "pad": {
      const widths = op.before.map((before, axis): [number, number] => [before, op.after[axis] ?? 0]);
      return one((x) => tf.pad(x, widths));
    }
    case "concat":
      return (parts) => tf.concat([...parts], op.axis);
    case "matmul":
      return roundedFor(
        node,
        two((a, b) => tf.matMul(a, b, op.transposeA, op.transposeB)),
      );
    case "gather":
      return two((table, indices) => tf.gather(table, indices));
    case "scatterAdd":
      return two((indices, updates) =>
        tf.tidy(() => tf.scatterND(tf.reshape(indices, [-1, 1]), updates, shape)),
      );
    case "softmax":
      return one((x) => tf.softmax(x));
    case "cachedAttention":
      return cachedAttentionKernel(node, tfjsAttentionParts);
    case "sparseCrossEntropy":
      return two((logits, labels) => tf.tidy(() => crossEntropy(logits, labels)));
    case "sparseCrossEntropyGradient":
      return three((logits, labels, upstream) => {
        const spread = tf.mul(tf.softmax(logits), tf.reshape(upstream, [-1, 1]));
        const rows = tf.reshape(flatPositions(logits, labels), [-1, 1]);
        const atLabels = tf.scatterND(rows, upstream, [sizeOf(logits.shape)]);
        return tf.sub(spread, tf.reshape(atLabels, logits.shape));
      });
  }
}

/**
 * −log softmax(x)[label] = log Σ exp x − x[label]. The largest probability is exp(max x)/Σ exp x, so
 * log Σ exp x = max x − log max softmax(x): stable, and without an exp over all of x, which is slow on wasm.
 */
export function crossEntropy(
  logits: tf.Tensor,
  labels: tf.Tensor,
  gather: (table: tf.Tensor, indices: tf.Tensor) => tf.Tensor = (table, indices) => tf.gather(table, indices),
): tf.Tensor {
  const logSumExp = tf.sub(tf.max(logits, 1), tf.log(tf.max(tf.softmax(logits), 1)));
  const picked = gather(tf.reshape(logits, [-1]), flatPositions(logits, labels));
  return tf.sub(logSumExp, picked);
}

/** Where row n's label stands in the flattened logits: n·V + label. */
function flatPositions(logits: tf.Tensor, labels: tf.Tensor): tf.Tensor {
  const [rows = 0, columns = 0] = logits.shape;
  const starts = tf.tensor1d(
    Int32Array.from({ length: rows }, (_, row) => row * columns),
    "int32",
  );
  return tf.add(labels, starts);
}
