/**
 * Reverse-mode differentiation of the symbolic graph (Griewank & Walther 2008, §3.2): one sweep from the loss
 * backwards, in which each tensor's gradient is complete before its op's rule is applied. It only builds
 * nodes; what nothing needs is never run.
 */
import { userError } from "../errors.ts";
import { inputGradients, sumContributions } from "./gradient-rules.ts";
import { ancestors, withScope, type Tensor } from "./graph.ts";
import { scalarConstant, zeros } from "./ops.ts";
import { shapeText } from "./types.ts";

/** All reads of a variable are one value, however many nodes read it (tied weights). */
const identityOf = (node: Tensor): string | number => (node.op.kind === "variable" ? node.op.name : node.id);

/**
 * dloss/dx for each x, in order and shape of `withRespectTo` (zeros where the loss does not depend on x).
 * `loss` must be a float32 scalar, each x float32.
 * Throws `NOT_DIFFERENTIABLE`.
 */
export function gradients(loss: Tensor, withRespectTo: readonly Tensor[]): Tensor[] {
  if (loss.shape.length !== 0 || loss.dtype !== "float32")
    throw userError(
      "NOT_DIFFERENTIABLE",
      `gradients of ${loss.dtype}${shapeText(loss.shape)}: needs a float32 scalar`,
    );
  const wanted = new Set(withRespectTo.map(identityOf));
  const graph = ancestors([loss]);

  // Only nodes that depend on a wanted tensor carry a gradient; the rest of the graph is constant to us.
  const depends = new Set<number>();
  for (const node of graph)
    if (wanted.has(identityOf(node)) || node.inputs.some((input) => depends.has(input.id)))
      depends.add(node.id);

  const contributions = new Map<string | number, Tensor[]>([[identityOf(loss), [scalarConstant(1)]]]);
  const results = new Map<string | number, Tensor>();
  for (const node of graph.reverse()) {
    if (!depends.has(node.id)) continue;
    // Variables are leaves: all their contributions are in only after the sweep.
    if (node.op.kind === "variable") continue;
    const dy = sumContributions(contributions.get(node.id) ?? []);
    contributions.delete(node.id);
    if (dy === undefined) continue;
    if (wanted.has(node.id)) results.set(node.id, dy);
    if (!node.inputs.some((input) => depends.has(input.id))) continue;
    const partials = withScope(node.scope === "" ? "gradient" : `gradient.${node.scope}`, () =>
      inputGradients(node, dy),
    );
    node.inputs.forEach((input, index) => {
      const partial = partials[index];
      if (partial === undefined || !depends.has(input.id)) return;
      const key = identityOf(input);
      contributions.set(key, [...(contributions.get(key) ?? []), partial]);
    });
  }
  return withRespectTo.map(
    (x) =>
      results.get(identityOf(x)) ??
      sumContributions(contributions.get(identityOf(x)) ?? []) ??
      zeros(x.shape),
  );
}
