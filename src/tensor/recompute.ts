/**
 * Values that the gradient computes once more instead of keeping them (Chen et al. 2016, arXiv:1604.06174): memory for
 * time. The second computation waits for the gradient that needs it, so that no optimizer can take it for the first.
 */
import { ancestors, createNode, withScope, type Tensor } from "./graph.ts";

/** `build(inputs)`, of which between loss and gradient only `inputs` and the result are kept. */
export function recomputed(inputs: readonly Tensor[], build: (inputs: readonly Tensor[]) => Tensor): Tensor {
  const y = build(inputs);
  return createNode({ kind: "recomputed" }, [y, ...inputs], y.dtype, y.shape);
}

/** The computation of `y` with other tensors in the place of some; what does not depend on those is shared. */
export function copyComputation(y: Tensor, replaced: ReadonlyMap<Tensor, Tensor>): Tensor {
  const copies = new Map(replaced);
  for (const node of ancestors([y], [...replaced.keys()])) {
    if (copies.has(node) || !node.inputs.some((input) => copies.has(input))) continue;
    const inputs = node.inputs.map((input) => copies.get(input) ?? input);
    const copy = withScope(`recomputed.${node.scope}`, () =>
      createNode(node.op, inputs, node.dtype, node.shape),
    );
    copies.set(node, copy);
  }
  return copies.get(y) ?? y;
}
