/**
 * Reverse-mode differentiation of the symbolic graph (Griewank & Walther 2008, §3.2): one sweep from the loss
 * backwards, in which each tensor's gradient is complete before its op's rule is applied. It only builds
 * nodes; what nothing needs is never run.
 */
import { userError } from "../errors.ts";
import { inputGradients, sumContributions } from "./gradient-rules.ts";
import { ancestors, withScope, type Tensor } from "./graph.ts";
import { after, scalarConstant, zeros } from "./ops.ts";
import { copyComputation } from "./recompute.ts";
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
  return new Sweep().run(loss, scalarConstant(1), withRespectTo);
}

class Sweep {
  /** Of the last recomputed value whose gradient is made: the next one waits for it, so that they are never held at once. */
  #previous: Tensor[] = [];

  /** Σ seed·dy/dx for each x; what `leaves` are computed from is not looked at. */
  run(y: Tensor, seed: Tensor, withRespectTo: readonly Tensor[], leaves: readonly Tensor[] = []): Tensor[] {
    const wanted = new Set(withRespectTo.map(identityOf));
    const graph = ancestors([y], leaves);

    // Only nodes that depend on a wanted tensor carry a gradient; the rest of the graph is constant to us.
    const depends = new Set<number>();
    for (const node of graph)
      if (wanted.has(identityOf(node)) || node.inputs.some((input) => depends.has(input.id)))
        depends.add(node.id);

    const sums = new Contributions();
    sums.add(y, seed);
    const results = new Map<string | number, Tensor>();
    for (const node of graph.reverse()) {
      if (!depends.has(node.id)) continue;
      // Variables are leaves: all their contributions are in only after the sweep.
      if (node.op.kind === "variable") continue;
      const scope = node.scope === "" ? "gradient" : `gradient.${node.scope}`;
      const dy = withScope(scope, () => sums.take(node));
      if (dy === undefined) continue;
      if (wanted.has(node.id)) results.set(node.id, dy);
      if (leaves.includes(node) || !node.inputs.some((input) => depends.has(input.id))) continue;
      withScope(scope, () => {
        const partials =
          node.op.kind === "recomputed" ? this.#recompute(node, dy, wanted) : partialsOf(node, dy);
        for (const [input, partial] of partials) if (depends.has(input.id)) sums.add(input, partial);
      });
    }
    return withRespectTo.map((x) => results.get(identityOf(x)) ?? sums.take(x) ?? zeros(x.shape));
  }

  /** Computes the value again from its inputs, not before dy is there, and goes back through that. */
  #recompute(
    { inputs: [y, ...inputs] }: Tensor,
    dy: Tensor,
    wanted: ReadonlySet<string | number>,
  ): [Tensor, Tensor][] {
    if (y === undefined) throw userError("GRAPH_INVALID", "a recomputed node lacks its value");
    const starts = inputs.map((input) => after(input, [dy, ...this.#previous]));
    const again = copyComputation(y, new Map(inputs.map((input, index) => [input, starts[index] ?? input])));
    const variables = ancestors([again], starts).filter(
      ({ op }) => op.kind === "variable" && wanted.has(op.name),
    );
    const targets = [...starts.filter(({ dtype }) => dtype === "float32"), ...variables];
    const partials = this.run(again, dy, targets, starts);
    this.#previous = partials.slice(0, 1);
    const origin = (target: Tensor): Tensor => inputs[starts.indexOf(target)] ?? target;
    return targets.map((target, index) => [origin(target), partials[index] ?? zeros(target.shape)]);
  }
}

function partialsOf(node: Tensor, dy: Tensor): [Tensor, Tensor][] {
  const partials = inputGradients(node, dy);
  return node.inputs.flatMap((input, index): [Tensor, Tensor][] => {
    const partial = partials[index];
    return partial === undefined ? [] : [[input, partial]];
  });
}

/** What has reached each tensor so far. */
class Contributions {
  readonly #parts = new Map<string | number, Tensor[]>();

  add(node: Tensor, part: Tensor): void {
    const key = identityOf(node);
    const parts = [...(this.#parts.get(key) ?? []), part];
    // Weights are large: their contributions are added as they come, not kept side by side.
    const sum = node.op.kind === "variable" ? sumContributions(parts) : undefined;
    this.#parts.set(key, sum === undefined ? parts : [sum]);
  }

  take(node: Tensor): Tensor | undefined {
    const parts = this.#parts.get(identityOf(node)) ?? [];
    this.#parts.delete(identityOf(node));
    return sumContributions(parts);
  }
}
