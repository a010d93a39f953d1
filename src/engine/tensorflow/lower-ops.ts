/**
 * One TensorFlow node, or a few, for each op of src/tensor. Only ops that TensorFlow 2.9 has as well as
 * today's, and on the CPU only kernels that give the same bytes every time.
 */
import type { BinaryFunction, CompareFunction, Op, Tensor, UnaryFunction } from "../../tensor/graph.ts";
import type { TfGraph, TfOutput } from "./tf-graph.ts";

const UNARY: Readonly<Record<UnaryFunction, string>> = {
  neg: "Neg",
  exp: "Exp",
  log: "Log",
  sqrt: "Sqrt",
  rsqrt: "Rsqrt",
  sigmoid: "Sigmoid",
  softplus: "Softplus",
};

const BINARY: Readonly<Record<BinaryFunction, string>> = {
  add: "AddV2",
  sub: "Sub",
  mul: "Mul",
  div: "RealDiv",
  maximum: "Maximum",
  minimum: "Minimum",
};

const COMPARE: Readonly<Record<CompareFunction, string>> = {
  less: "Less",
  greaterEqual: "GreaterEqual",
  equal: "Equal",
};

/** Ops that compute from values alone; those that read feeds or variables are lowered by lower-program.ts. */
type ComputingOp = Exclude<Op, { readonly kind: "feed" | "variable" | "cachedAttention" }>;

/** Stands for an input that the op's arity guarantees. */
const MISSING: TfOutput = "missing:0";

const INT32 = { type: "int32" } as const;

/** `inputs` are the lowered `tensor.inputs`. */
export function lowerOp(
  graph: TfGraph,
  tensor: Tensor,
  op: ComputingOp,
  inputs: readonly TfOutput[],
): TfOutput {
  const { dtype, shape } = tensor;
  const T = { type: tensor.inputs[0]?.dtype ?? dtype } as const;
  const inputShape = tensor.inputs[0]?.shape ?? [];
  const node = (
    tfOp: string,
    operands: readonly TfOutput[],
    attributes: Parameters<TfGraph["pure"]>[2] = { T },
  ) => graph.pure(tfOp, operands, attributes, tensor.scope === "" ? tfOp : `${tensor.scope}/${tfOp}`);
  const [first = MISSING, second = MISSING] = inputs;

  switch (op.kind) {
    case "constant":
      return graph.constant(op.value);
    case "unary":
      return node(UNARY[op.fn], inputs);
    case "binary":
      return node(op.fn === "div" && dtype === "int32" ? "FloorDiv" : BINARY[op.fn], inputs);
    case "compare":
      return node(COMPARE[op.fn], inputs);
    case "select":
      return node("SelectV2", inputs, { T: { type: dtype } });
    case "cast":
      return node("Cast", inputs, { SrcT: T, DstT: { type: op.dtype } });
    case "reduce":
      return node(op.fn === "sum" ? "Sum" : "Max", [first, graph.ints(op.axes)], {
        T,
        Tidx: INT32,
        keep_dims: { bool: op.keepDims },
      });
    case "argMax":
      return node("ArgMax", [first, graph.int(inputShape.length - 1)], {
        T,
        Tidx: INT32,
        output_type: INT32,
      });
    case "reshape":
      return node("Reshape", [first, graph.ints(op.shape)], { T, Tshape: INT32 });
    case "transpose":
      return node("Transpose", [first, graph.ints(op.permutation)], { T, Tperm: INT32 });
    case "broadcastTo":
      return inputShape.length === 0
        ? node("Fill", [graph.ints(op.shape), first], { T, index_type: INT32 })
        : node("BroadcastTo", [first, graph.ints(op.shape)], { T, Tidx: INT32 });
    case "slice":
      return node("Slice", [first, graph.ints(op.begin), graph.ints(op.size)], { T, Index: INT32 });
    case "pad":
      return node("Pad", [first, paddings(graph, op.before, op.after)], { T, Tpaddings: INT32 });
    case "concat":
      return inputs.length === 1
        ? first
        : node("ConcatV2", [...inputs, graph.int(op.axis)], { T, Tidx: INT32, N: { int: inputs.length } });
    case "matmul": {
      const [a, b] = [{ bool: op.transposeA }, { bool: op.transposeB }];
      return shape.length === 2
        ? node("MatMul", inputs, { T, transpose_a: a, transpose_b: b })
        : node("BatchMatMulV2", inputs, { T, adj_x: a, adj_y: b });
    }
    case "gather":
      return node("GatherV2", [first, second, graph.int(0)], {
        Tparams: T,
        Tindices: INT32,
        Taxis: INT32,
        batch_dims: { int: 0 },
      });
    case "scatterAdd":
      return node("UnsortedSegmentSum", [second, first, graph.int(op.rows)], {
        T: { type: dtype },
        Tindices: INT32,
        Tnumsegments: INT32,
      });
    case "after": {
      const control = inputs.slice(1).map((input) => input.slice(0, input.lastIndexOf(":")));
      return `${graph.add("Identity", [first], { attributes: { T }, control }, "after")}:0`;
    }
    case "recomputed":
      return first;
    case "softmax":
      return node("Softmax", inputs);
    case "sparseCrossEntropy":
      return crossEntropy(graph, node, tensor, inputs);
    case "sparseCrossEntropyGradient":
      return crossEntropyGradient(graph, node, tensor, inputs);
  }
}

type NodeBuilder = (
  tfOp: string,
  operands: readonly TfOutput[],
  attributes?: Parameters<TfGraph["pure"]>[2],
) => TfOutput;

const F32 = { T: { type: "float32" } } as const;

/**
 * Not SparseSoftmaxCrossEntropyWithLogits: its CPU kernel takes two scalar passes of exponentials and is
 * three times as slow as this, which shares one vectorised softmax between loss and gradient. With m the
 * largest logit and q the largest probability, log Σeˣ = m − log q, and q ≥ 1/V never underflows; so
 * −log p[label] = (m − x[label]) − log q, a sum of two terms that are not negative.
 */
function crossEntropy(
  graph: TfGraph,
  node: NodeBuilder,
  tensor: Tensor,
  [logits = MISSING, labels = MISSING]: readonly TfOutput[],
): TfOutput {
  const largest = (x: TfOutput) =>
    node("Max", [x, graph.ints([1])], { ...F32, Tidx: INT32, keep_dims: { bool: false } });
  const picked = node("GatherNd", [logits, labelPositions(graph, node, tensor, labels)], {
    Tparams: F32.T,
    Tindices: INT32,
  });
  const aboveLabel = node("Sub", [largest(logits), picked], F32);
  return node("Sub", [aboveLabel, node("Log", [largest(node("Softmax", [logits], F32))], F32)], F32);
}

/** (p − onehot(label))·dy per row: the product first, then one element of each row put right in place. */
function crossEntropyGradient(
  graph: TfGraph,
  node: NodeBuilder,
  tensor: Tensor,
  [logits = MISSING, labels = MISSING, upstream = MISSING]: readonly TfOutput[],
): TfOutput {
  const perRow = node("ExpandDims", [upstream, graph.int(-1)], { ...F32, Tdim: INT32 });
  const product = node("Mul", [node("Softmax", [logits], F32), perRow], F32);
  return node("TensorScatterSub", [product, labelPositions(graph, node, tensor, labels), upstream], {
    ...F32,
    Tindices: INT32,
  });
}

/** (N, 2): where each row's label stands in the logits. */
function labelPositions(graph: TfGraph, node: NodeBuilder, { shape }: Tensor, labels: TfOutput): TfOutput {
  const rows = shape[0] ?? 0;
  const data = Int32Array.from({ length: rows }, (_, row) => row);
  return node("Pack", [graph.constant({ dtype: "int32", shape: [rows], data }), labels], {
    T: INT32,
    N: { int: 2 },
    axis: { int: 1 },
  });
}

/** (rank, 2): zeros before and after along each axis. */
function paddings(graph: TfGraph, before: readonly number[], after: readonly number[]): TfOutput {
  const data = Int32Array.from(before.flatMap((count, axis) => [count, after[axis] ?? 0]));
  return graph.constant({ dtype: "int32", shape: [before.length, 2], data });
}
