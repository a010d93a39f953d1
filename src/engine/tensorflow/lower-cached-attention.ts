/**
 * Attention over a key/value cache in variables. Only the slots that a call looks at leave the variables, by
 * ResourceGather: reading a variable that rows are written to copies all of it (copy_on_read_mode in
 * tensorflow/core/framework/resource_var.h). How many they are is known only to the running graph: shapes
 * inside are dynamic there, outside they are not.
 */
import { cachedAttentionInputs, unseen } from "../../tensor/cached-attention.ts";
import type { Tensor } from "../../tensor/graph.ts";
import { int32 } from "../../tensor/types.ts";
import type { NodeOptions, TfAttribute, TfGraph, TfOutput } from "./tf-graph.ts";

export interface LoweredAttention {
  readonly output: TfOutput;
  /** Nodes that read the variables: changes must wait for them. */
  readonly reads: readonly { readonly name: string; readonly node: string }[];
}

export interface AttentionContext {
  readonly graph: TfGraph;
  readonly handle: (variable: { readonly name: string }) => TfOutput;
  readonly outputOf: (tensor: Tensor) => TfOutput;
}

const I32 = { type: "int32" } as const;
const F32 = { type: "float32" } as const;

/** L: slots that are looked at; other letters as in cached-attention.ts. */
export function lowerCachedAttention(
  { graph, handle, outputOf }: AttentionContext,
  tensor: Tensor,
): LoweredAttention {
  const { queries, keys, values, cachedKeys, cachedValues, ...feeds } = cachedAttentionInputs(tensor);
  const [slots, length] = [outputOf(feeds.slots), outputOf(feeds.length)];
  const [batch = 0, numHeads = 0, time = 0, dim = 0] = queries.shape;
  const pairs = batch * (keys.shape[1] ?? 0); // B·K
  const capacity = (cachedKeys.shape[0] ?? 0) / pairs; // S
  const stack = [pairs, (batch * numHeads * time) / pairs, -1]; // G query heads along time: (B·K, G·T, …)
  const make = (op: string, operands: readonly TfOutput[], attributes: NodeOptions["attributes"]) =>
    graph.pure(op, operands, attributes, `${tensor.scope}/${op}`);
  const reshape = (x: TfOutput, shape: readonly number[], T: TfAttribute = F32) =>
    make("Reshape", [x, graph.ints(shape)], { T, Tshape: I32 });
  /** i·scale for each pair i, as a column. */
  const pairStarts = (scale: TfOutput): TfOutput => {
    const pair = graph.constant(
      int32(
        [pairs, 1],
        Int32Array.from({ length: pairs }, (_, index) => index),
      ),
    );
    return make("Mul", [pair, scale], { T: I32 });
  };

  const seen = make("Range", [graph.int(0), length, graph.int(1)], { Tidx: I32 }); // (L)
  const rows = make("AddV2", [pairStarts(graph.int(capacity)), seen], { T: I32 }); // (B·K, L)
  // Where new tokens go in what was read, as rows of (B·K·L, D).
  const ownSlots = make(
    "BroadcastTo",
    [reshape(slots, [batch, 1, time], I32), graph.ints([batch, pairs / batch, time])],
    { T: I32, Tidx: I32 },
  ); // (B, K, T)
  const places = make("AddV2", [reshape(ownSlots, [pairs, time], I32), pairStarts(length)], { T: I32 });
  const read = (variable: Tensor, fresh: Tensor) => {
    const name = variable.op.kind === "variable" ? variable.op.name : "";
    const attributes = {
      dtype: F32,
      Tindices: I32,
      batch_dims: { int: 0 },
      validate_indices: { bool: true },
    };
    const node = graph.add("ResourceGather", [handle({ name }), rows], { attributes }, name);
    // In place: nothing else holds what was just read.
    const updated = make(
      "TensorScatterUpdate",
      [
        reshape(`${node}:0`, [-1, dim]),
        reshape(places, [-1, 1], I32),
        reshape(outputOf(fresh), [pairs * time, dim]),
      ],
      { T: F32, Tindices: I32 },
    );
    return { name, node, value: reshape(updated, [pairs, -1, dim]) }; // (B·K, L, D)
  };
  const [allKeys, allValues] = [read(cachedKeys, keys), read(cachedValues, values)];

  const scores = make("BatchMatMulV2", [reshape(outputOf(queries), stack), allKeys.value], {
    T: F32,
    adj_x: { bool: false },
    adj_y: { bool: true },
  }); // (B·K, G·T, L)
  const sees = make("GreaterEqual", [reshape(slots, [batch, 1, time, 1], I32), seen], { T: I32 });
  const mask = make("SelectV2", [sees, graph.float(0), graph.float(unseen)], { T: F32 }); // (B, 1, T, L)
  const masked = make("AddV2", [reshape(scores, [batch, numHeads, time, -1]), mask], { T: F32 });
  const weights = reshape(make("Softmax", [masked], { T: F32 }), stack);
  const mixed = make("BatchMatMulV2", [weights, allValues.value], {
    T: F32,
    adj_x: { bool: false },
    adj_y: { bool: false },
  }); // (B·K, G·T, D)
  return { output: reshape(mixed, tensor.shape), reads: [allKeys, allValues] };
}
