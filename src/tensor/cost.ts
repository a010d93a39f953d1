/** What a function costs to run: floating-point operations of its products, and bytes of values. */
import { ancestors, type Tensor } from "./graph.ts";
import { effectInputs, type ProgramFunction } from "./program.ts";
import { sizeOf, type DType, type Shape } from "./types.ts";

const bytesPerElement: Readonly<Record<DType, number>> = { float32: 4, int32: 4, bool: 1, bfloat16: 2 };

export const bytesOf = ({ dtype, shape }: { readonly dtype: DType; readonly shape: Shape }): number =>
  bytesPerElement[dtype] * sizeOf(shape);

/** What a function gives and what its effects take: everything else is there for these. */
export const resultsOf = (fn: ProgramFunction): readonly Tensor[] => [
  ...Object.values(fn.fetches),
  ...fn.effects.flatMap(effectInputs),
];

/** Every node that the results of a function need, in order. */
export const nodesOf = (fn: ProgramFunction): readonly Tensor[] => ancestors(resultsOf(fn));

/** 2·M·K·N for each product of (M, K) by (K, N). What is done element by element is small beside it and not counted. */
export function productFlops(nodes: readonly Tensor[]): number {
  return nodes.reduce((total, { op, inputs: [a], shape }) => {
    if (op.kind !== "matmul" || a === undefined) return total;
    const inner = a.shape.at(op.transposeA ? -2 : -1) ?? 0;
    return total + 2 * inner * sizeOf(shape);
  }, 0);
}
