/**
 * Constant folding: what an op makes of constants, computed once, while the program is built. Only what has one right
 * result to the last bit on every executor (constant-values.ts), so that folding changes no byte; and only small values.
 */
import { constantValue } from "./constant-values.ts";
import { bytesOf } from "./cost.ts";
import { createNode, type Tensor } from "./graph.ts";
import type { HostTensor } from "./types.ts";

/** A broadcast of a scalar is cheap to run and may be gigabytes to keep: a result above this stays a computation. */
export const maxFoldedBytes = 4096;
/** Of all that it is made from: what is done here, in plain loops, stays negligible. */
export const maxFoldingBytes = 65_536;

/** The constant in the place of a node whose inputs are `inputs`; undefined where it must be computed. */
export function foldConstant(node: Tensor, inputs: readonly Tensor[]): Tensor | undefined {
  if (inputs.length === 0 || bytesOf(node) > maxFoldedBytes) return undefined;
  const values: HostTensor[] = [];
  for (const { op } of inputs) {
    if (op.kind !== "constant") return undefined;
    values.push(op.value);
  }
  if (inputs.reduce((total, input) => total + bytesOf(input), 0) > maxFoldingBytes) return undefined;
  const value = constantValue(node, values);
  return value && createNode({ kind: "constant", value }, [], node.dtype, node.shape, node.scope);
}
