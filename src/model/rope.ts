/**
 * Rotary position embedding (Su et al. 2021, arXiv:2104.09864), half-split: feature i of the first half and feature
 * i of the second are the two coordinates that turn together, as in Hugging Face's Llama (not interleaved).
 */
import type { Tensor } from "../tensor/graph.ts";
import { add, concat, constant, gather, mul, reshape, slice, sub } from "../tensor/ops.ts";
import { float32, sizeOf } from "../tensor/types.ts";
import { headDim, type LlamaConfig } from "./llama-config.ts";

/** (T, D/2), or what broadcasts like it. */
export interface RopeTables {
  readonly cos: Tensor;
  readonly sin: Tensor;
}

/** cos and sin of t·θ^(−2i/D), times `scale`. */
export function ropeTables(config: LlamaConfig, time: number, scale: number): RopeTables {
  const half = headDim(config) / 2;
  const table = (fn: (angle: number) => number): Tensor => {
    const data = new Float32Array(time * half);
    for (let t = 0; t < time; t++)
      for (let i = 0; i < half; i++) data[t * half + i] = scale * fn(t * config.ropeTheta ** (-i / half));
    return constant(float32([time, half], data));
  };
  return { cos: table(Math.cos), sin: table(Math.sin) };
}

/** The rows of positions int32 (B·T): (B, 1, T, D/2), for sequences that do not begin at position 0. */
export function ropeRows({ cos, sin }: RopeTables, positions: Tensor, batch: number): RopeTables {
  const rows = (table: Tensor): Tensor =>
    reshape(gather(table, positions), [batch, 1, sizeOf(positions.shape) / batch, table.shape[1] ?? 0]);
  return { cos: rows(cos), sin: rows(sin) };
}

/** Rotates x (…, T, D) by position: (a, b) → (a·cos − b·sin, b·cos + a·sin) for its halves a and b. */
export function rotate(x: Tensor, { cos, sin }: RopeTables): Tensor {
  const half = (x.shape.at(-1) ?? 0) / 2;
  const start = x.shape.map(() => 0);
  const halfShape = x.shape.with(-1, half); // (…, T, D/2)
  const a = slice(x, start, halfShape);
  const b = slice(x, start.with(-1, half), halfShape);
  return concat([sub(mul(a, cos), mul(b, sin)), add(mul(b, cos), mul(a, sin))], -1);
}
