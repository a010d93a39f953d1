/** A function seen from afar: its nodes gathered by where in the model they were made, and what passes between those places. */
import { nodesOf, productFlops } from "./cost.ts";
import type { Tensor } from "./graph.ts";
import type { ProgramFunction } from "./program.ts";

export interface ScopeGroup {
  /** `layers.3.attention`; the same of its gradient has `gradient.` before it. Empty: outside the model's parts. */
  readonly scope: string;
  readonly nodes: readonly Tensor[];
  readonly flops: number;
}

export interface ScopeEdge {
  readonly from: string;
  readonly to: string;
  /** What passes, each value once, in order. */
  readonly values: readonly Tensor[];
}

export interface ScopeGraph {
  readonly groups: readonly ScopeGroup[];
  readonly edges: readonly ScopeEdge[];
  /** Scope → how many variables are changed by what was computed there. */
  readonly effects: ReadonlyMap<string, number>;
}

/** Given with the call, kept between calls, or written in the program: they belong to no place. */
export const isSource = ({ op }: Tensor): boolean =>
  op.kind === "constant" || op.kind === "feed" || op.kind === "variable";

/** In order of each group's first node. `nameOf` may put several scopes into one group. */
export function scopeGraph(
  fn: ProgramFunction,
  nameOf: (scope: string) => string = (scope) => scope,
): ScopeGraph {
  const byScope = new Map<string, Tensor[]>();
  const edges = new Map<string, { from: string; to: string; values: Set<Tensor> }>();
  const placeOf = (node: Tensor) => nameOf(node.scope);
  for (const node of nodesOf(fn)) {
    if (isSource(node)) continue;
    const to = placeOf(node);
    byScope.set(to, [...(byScope.get(to) ?? []), node]);
    for (const input of node.inputs) {
      const from = placeOf(input);
      if (isSource(input) || from === to) continue;
      const key = `${from}\n${to}`;
      const edge = edges.get(key) ?? { from, to, values: new Set() };
      edge.values.add(input);
      edges.set(key, edge);
    }
  }
  const effects = new Map<string, number>();
  for (const effect of fn.effects) {
    const changing = effect.kind === "adamW" ? effect.gradient : effect.value;
    if (isSource(changing)) continue;
    const scope = placeOf(changing);
    effects.set(scope, (effects.get(scope) ?? 0) + 1);
  }
  return {
    groups: [...byScope].map(([scope, nodes]) => ({ scope, nodes, flops: productFlops(nodes) })),
    edges: [...edges.values()].map(({ from, to, values }) => ({ from, to, values: [...values] })),
    effects,
  };
}
