/**
 * Attention of a sequence over itself, each token over those before it. Long sequences go in blocks of queries, each block
 * against the keys up to its own end: what the mask would hide right of there is not computed. Every row still sees all of
 * its keys at once, so its softmax is the plain one.
 *
 * Shape letters as in llama.ts; R: queries in a block, L: keys up to its end.
 */
import { unseen } from "../tensor/cached-attention.ts";
import type { Tensor } from "../tensor/graph.ts";
import { add, concat, constant, equal, reshape, select, slice, softmax } from "../tensor/ops.ts";
import { float32 } from "../tensor/types.ts";
import { multiplyIn, type Multiply, type Precision } from "./precision.ts";

/** Queries (B, H, T, D) with scale and rotation, keys and values (B, K, T, D) → (B, H, T, D). */
export type AttendSequence = (queries: Tensor, keys: Tensor, values: Tensor) => Tensor;

export interface CausalAttentionOptions {
  /** int32 (B, T): tokens see only those of the same number. Default: all before them. */
  readonly documents?: Tensor | undefined;
  /** R; the last block may be shorter. Default: what was measured to be fastest for T. */
  readonly blockLength?: number | undefined;
  /** Default: float32. */
  readonly precision?: Precision | undefined;
}

/** For sequences of `time` tokens. */
export function causalAttention(
  time: number,
  { documents, blockLength = fastestBlockLength(time), precision = "float32" }: CausalAttentionOptions = {},
): AttendSequence {
  const multiply = multiplyIn(precision);
  const starts = Array.from({ length: Math.ceil(time / blockLength) }, (_, block) => block * blockLength);
  const blocks = starts.map((start) => {
    const end = Math.min(start + blockLength, time);
    return { start, end, mask: maskOf(start, end, documents) };
  });
  return (queries, keys, values) => {
    // From the last block to the first: each one's keys are the beginning of the next one's, so that their gradients add
    // up over as few elements as there are.
    const outputs: Tensor[] = [];
    let [seenKeys, seenValues] = [keys, values];
    for (const { start, end, mask } of blocks.toReversed()) {
      [seenKeys, seenValues] = [alongTime(seenKeys, 0, end), alongTime(seenValues, 0, end)];
      outputs.unshift(attend(alongTime(queries, start, end), seenKeys, seenValues, mask, multiply));
    }
    return outputs.length === 1 ? (outputs[0] ?? queries) : concat(outputs, 2);
  };
}

/** Measured on two CPU cores with TensorFlow (docs/adr/0021); fewer blocks make a smaller graph. */
const fastestBlockLength = (time: number): number => (time < 512 ? 64 : 128);

/** (B, heads, T, D) → (B, heads, end − start, D) */
function alongTime(x: Tensor, start: number, end: number): Tensor {
  const [batch = 0, heads = 0, time = 0, dim = 0] = x.shape;
  return start === 0 && end === time ? x : slice(x, [0, 0, start, 0], [batch, heads, end - start, dim]);
}

/**
 * Queries (B, H, R, D) over keys and values (B, K, L, D). The G query heads that share a key/value head are stacked along
 * time, so that keys and values are never repeated: one product for B·K pairs.
 */
function attend(queries: Tensor, keys: Tensor, values: Tensor, mask: Tensor, multiply: Multiply): Tensor {
  const [batch = 0, numHeads = 0, rows = 0, dim = 0] = queries.shape;
  const [, numKvHeads = 0, length = 0] = keys.shape;
  const pairs = batch * numKvHeads;
  const group = numHeads / numKvHeads;
  const stacked = reshape(queries, [pairs, group * rows, dim]); // (B·K, G·R, D)
  const products = multiply(stacked, reshape(keys, [pairs, length, dim]), { transposeB: true }); // (B·K, G·R, L)
  const scores = reshape(products, [batch, numHeads, rows, length]); // (B, H, R, L)
  const weights = reshape(softmax(add(scores, mask)), [pairs, group * rows, length]); // (B·K, G·R, L)
  const mixed = multiply(weights, reshape(values, [pairs, length, dim])); // (B·K, G·R, D)
  return reshape(mixed, queries.shape);
}

/**
 * (R, L): 0 where key ≤ query. With documents (B, 1, R, L), the same within each of them (Zhao et al. 2024,
 * arXiv:2402.13991; Llama 3, arXiv:2407.21783). Positions are not counted anew for each document: rotary scores depend on
 * distances alone.
 */
function maskOf(start: number, end: number, documents: Tensor | undefined): Tensor {
  const causal = causalMask(start, end);
  if (documents === undefined) return causal;
  const [batch = 0] = documents.shape;
  const ofQuery = reshape(slice(documents, [0, start], [batch, end - start]), [batch, 1, end - start, 1]);
  const ofKey = reshape(slice(documents, [0, 0], [batch, end]), [batch, 1, 1, end]);
  return select(equal(ofQuery, ofKey), causal, unseen);
}

function causalMask(start: number, end: number): Tensor {
  const rows = end - start;
  const mask = new Float32Array(rows * end);
  for (let row = 0; row < rows; row++) mask.fill(unseen, row * end + start + row + 1, (row + 1) * end);
  return constant(float32([rows, end], mask));
}
