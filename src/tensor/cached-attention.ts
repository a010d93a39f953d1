/**
 * Attention of new tokens over a key/value cache and each other, as one op: how much of the cache a call looks at is a
 * value, while every shape outside of the op is static.
 */
import { createNode, type Tensor } from "./graph.ts";
import { shapeError } from "./ops.ts";
import { sameShape } from "./types.ts";

/** Added to scores of what a token does not see: so low that its softmax is exactly 0. */
export const unseen = -1e9;

export interface CachedAttentionInputs {
  /** (B, H, T, D), scaled and rotated. */
  readonly queries: Tensor;
  /** (B, K, T, D) of the new tokens. */
  readonly keys: Tensor;
  readonly values: Tensor;
  /** Variables (B·K·S, D): row (b·K + k)·S + s is slot s of text b. */
  readonly cachedKeys: Tensor;
  readonly cachedValues: Tensor;
  /** int32 (B, T): the slot that each new token takes. What the cache holds there is not looked at. */
  readonly slots: Tensor;
  /** int32 (): how many slots are looked at, more than the largest of `slots`. */
  readonly length: Tensor;
}

/**
 * Grouped-query attention (Ainslie et al. 2023, arXiv:2305.13245) → (B, H, T, D). A token in slot s sees slots 0 to s of its
 * text: those of new tokens as they are given, the others as the cache has them. Has no gradient.
 */
export function cachedAttention(inputs: CachedAttentionInputs): Tensor {
  const { queries, keys, values, cachedKeys, cachedValues, slots, length } = inputs;
  const nodes = [queries, keys, values, cachedKeys, cachedValues, slots, length];
  const [batch = 0, numHeads = 0, time = 0, dim = 0] = queries.shape;
  const [, numKvHeads = 0] = keys.shape;
  const [rows = 0] = cachedKeys.shape;
  const fits =
    sameShape(queries.shape, [batch, numHeads, time, dim]) &&
    sameShape(keys.shape, [batch, numKvHeads, time, dim]) &&
    sameShape(values.shape, keys.shape) &&
    sameShape(cachedKeys.shape, [rows, dim]) &&
    sameShape(cachedValues.shape, cachedKeys.shape) &&
    sameShape(slots.shape, [batch, time]) &&
    sameShape(length.shape, []) &&
    numHeads % numKvHeads === 0 &&
    rows % (batch * numKvHeads) === 0;
  if (!fits)
    throw shapeError(
      "cachedAttention",
      nodes,
      "needs (B, H, T, D), twice (B, K, T, D), twice (B·K·S, D), (B, T) and ()",
    );
  const typed = nodes.every(({ dtype }, index) => dtype === (index < 5 ? "float32" : "int32"));
  if (!typed) throw shapeError("cachedAttention", nodes, "needs float32 but for int32 slots and length");
  if (cachedKeys.op.kind !== "variable" || cachedValues.op.kind !== "variable")
    throw shapeError("cachedAttention", nodes, "the cache must be variables");
  return createNode({ kind: "cachedAttention" }, nodes, "float32", queries.shape);
}

/** What a node made by `cachedAttention` was made from. */
export function cachedAttentionInputs({ op, inputs }: Tensor): CachedAttentionInputs {
  const [queries, keys, values, cachedKeys, cachedValues, slots, length] = inputs;
  if (op.kind !== "cachedAttention" || queries === undefined || keys === undefined || values === undefined)
    throw new Error(`not a cachedAttention but ${op.kind}`);
  if (cachedKeys === undefined || cachedValues === undefined || slots === undefined || length === undefined)
    throw new Error("a cachedAttention lacks inputs");
  return { queries, keys, values, cachedKeys, cachedValues, slots, length };
}
