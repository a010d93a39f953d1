/**
 * Attention over a key/value cache (src/tensor/cached-attention.ts) on tfjs. What a backend does slowly is given from
 * outside. Shape letters as there; L: slots that are looked at.
 */
import * as tf from "@tensorflow/tfjs-core";
import { cachedAttentionInputs, unseen } from "../../tensor/cached-attention.ts";
import type { Tensor } from "../../tensor/graph.ts";
import { present, type Kernel } from "./kernel.ts";

export interface AttentionParts {
  /** Slots 0 to L − 1 of `cached` (B·K·S, D), new rows of `fresh` (B, K, T, D) in their slots (B, T): (B·K, L, D). */
  readonly withNew: (cached: tf.Tensor, fresh: tf.Tensor, slots: Int32Array, length: number) => tf.Tensor;
  /** Products of (N, M, X) with (N, X, Y), the second given as (N, Y, X) where `transposeB`. */
  readonly matmul: (a: tf.Tensor, b: tf.Tensor, transposeB: boolean) => tf.Tensor;
}

export function cachedAttentionKernel(node: Tensor, { withNew, matmul }: AttentionParts): Kernel {
  const [batch = 0, numHeads = 0, time = 0, dim = 0] = node.shape;
  const pairs = batch * (cachedAttentionInputs(node).keys.shape[1] ?? 0); // B·K
  const stacked = (batch * numHeads * time) / pairs; // G query heads along time: G·T
  return ([queries, keys, values, cachedKeys, cachedValues, slotsTensor, lengthTensor]) =>
    tf.tidy(() => {
      const slots = integers(slotsTensor);
      const [length = 0] = integers(lengthTensor);
      const all = (cached: tf.Tensor | undefined, fresh: tf.Tensor | undefined) =>
        withNew(present(cached), present(fresh), slots, length); // (B·K, L, D)
      const scores = matmul(tf.reshape(present(queries), [pairs, stacked, dim]), all(cachedKeys, keys), true); // (B·K, G·T, L)
      const mask = tf.tensor(maskOf(slots, length), [batch, 1, time, length]);
      const weights = tf.softmax(tf.add(tf.reshape(scores, [batch, numHeads, time, length]), mask));
      const mixed = matmul(tf.reshape(weights, [pairs, stacked, length]), all(cachedValues, values), false); // (B·K, G·T, D)
      return tf.reshape(mixed, [...node.shape]);
    });
}

/** By tfjs's own ops, for any backend. */
export const tfjsAttentionParts: AttentionParts = {
  withNew(cached, fresh, slots, length) {
    const [batch = 0, numKvHeads = 0, time = 0, dim = 0] = fresh.shape;
    const pairs = batch * numKvHeads;
    const perText = tf.reshape(cached, [pairs, -1, dim]);
    const read = tf.reshape(tf.slice(perText, [0, 0, 0], [pairs, length, dim]), [pairs * length, dim]);
    const places = Int32Array.from({ length: pairs * time }, (_, index) => {
      const pair = Math.floor(index / time);
      return pair * length + (slots[Math.floor(pair / numKvHeads) * time + (index % time)] ?? 0);
    });
    const rows = tf.tensor(places, [pairs * time, 1], "int32");
    const updated = tf.tensorScatterUpdate(read, rows, tf.reshape(fresh, [pairs * time, dim]));
    return tf.reshape(updated, [pairs, length, dim]);
  },
  matmul: (a, b, transposeB) => tf.matMul(a, b, false, transposeB),
};

function integers(x: tf.Tensor | undefined): Int32Array {
  const data = present(x).dataSync();
  if (data instanceof Int32Array) return data;
  throw new Error("slots and length are int32");
}

/** (B, T, L): 0 where a token sees a slot. */
function maskOf(slots: Int32Array, length: number): Float32Array {
  const mask = new Float32Array(slots.length * length);
  for (const [query, slot] of slots.entries())
    mask.fill(unseen, query * length + slot + 1, (query + 1) * length);
  return mask;
}
