/**
 * In what the products of the blocks are computed. Weights, their gradients and moments, sums, norms, softmax and logits are
 * float32 always (mixed precision, Micikevicius et al. 2018, arXiv:1710.03740; bfloat16 needs no scaling of the loss, Kalamkar
 * et al. 2019, arXiv:1905.12322).
 */
import type { Tensor } from "../tensor/graph.ts";
import { cast, matmul, type MatmulOptions } from "../tensor/ops.ts";

export const precisionChoices = ["float32", "bfloat16"] as const;
export type Precision = (typeof precisionChoices)[number];

/** As `matmul`: of float32 tensors, to float32. */
export type Multiply = (a: Tensor, b: Tensor, options?: MatmulOptions) => Tensor;

/** With bfloat16 both sides are rounded, and so is the result; each use rounds for itself, so that gradients add up in float32. */
export const multiplyIn = (precision: Precision): Multiply =>
  precision === "float32"
    ? matmul
    : (a, b, options) => cast(matmul(cast(a, precision), cast(b, precision), options), "float32");
