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

/** Ops that compute; feeds and variables belong to a function and are lowered by lower-program.ts. */
type ComputingOp = Exclude<Op, { readonly kind: "feed" | "variable" }>;

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
  const [first = "missing:0", second = "missing:0", third = "missing:0"] = inputs;

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
    case "softmax":
      return node("Softmax", inputs);
    case "sparseCrossEntropy":
      return crossEntropy(node, first, second);
    case "sparseCrossEntropyGradient": {
      // The second output of the node that the loss is the first of: computed once for both.
      const loss = crossEntropy(node, first, second);
      const perRow = node("ExpandDims", [third, graph.int(-1)], { T, Tdim: INT32 });
      return node("Mul", [`${loss.slice(0, -2)}:1`, perRow]);
    }
  }
}

const crossEntropy = (
  node: (op: string, inputs: readonly TfOutput[], attributes: Parameters<TfGraph["pure"]>[2]) => TfOutput,
  logits: TfOutput,
  labels: TfOutput,
): TfOutput =>
  node("SparseSoftmaxCrossEntropyWithLogits", [logits, labels], { T: { type: "float32" }, Tlabels: INT32 });

/** (rank, 2): zeros before and after along each axis. */
function paddings(graph: TfGraph, before: readonly number[], after: readonly number[]): TfOutput {
  const data = Int32Array.from(before.flatMap((count, axis) => [count, after[axis] ?? 0]));
  return graph.constant({ dtype: "int32", shape: [before.length, 2], data });
}
