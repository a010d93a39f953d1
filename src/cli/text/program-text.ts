/** A compiled-to-be program for people: as lines, as Mermaid by scope, and in one line of figures. */
import { countOf, formatBytes, formatCompact, formatCount } from "../../report/quantity.ts";
import { bytesOf, nodesOf, productFlops } from "../../tensor/cost.ts";
import { operation } from "../../tensor/dump.ts";
import type { Tensor } from "../../tensor/graph.ts";
import type { ProgramFunction } from "../../tensor/program.ts";
import { scopeGraph } from "../../tensor/scopes.ts";
import { shapeText } from "../../tensor/types.ts";

export interface FunctionSummary {
  readonly name: string;
  readonly nodes: number;
  /** Before constants were folded and equal computations made one. */
  readonly nodesWritten: number;
  /** Op → how many, the most frequent first. */
  readonly kinds: Readonly<Record<string, number>>;
  /** Of all products. */
  readonly flops: number;
  readonly constants: number;
  readonly constantBytes: number;
  readonly effects: number;
}

export function summarise(written: ProgramFunction, fn: ProgramFunction): FunctionSummary {
  const nodes = nodesOf(fn);
  const constants = nodes.filter(({ op }) => op.kind === "constant");
  return {
    name: fn.name,
    nodes: nodes.length,
    nodesWritten: nodesOf(written).length,
    kinds: Object.fromEntries(countKinds(nodes)),
    flops: productFlops(nodes),
    constants: constants.length,
    constantBytes: constants.reduce((total, node) => total + bytesOf(node), 0),
    effects: fn.effects.length,
  };
}

function countKinds(nodes: readonly Tensor[]): readonly [string, number][] {
  const counts = new Map<string, number>();
  for (const { op } of nodes) counts.set(operation(op), (counts.get(operation(op)) ?? 0) + 1);
  return [...counts].sort(([a, m], [b, n]) => n - m || (a < b ? -1 : 1));
}

export function summaryText(summary: FunctionSummary): string {
  const { name, nodes, nodesWritten, kinds, flops, constants, constantBytes, effects } = summary;
  const shared = nodesWritten === nodes ? "" : ` (${formatCount(nodesWritten)} as written)`;
  const figures = [
    `${formatCount(nodes)} nodes${shared}`,
    `${formatCompact(flops)} FLOPs`,
    `${countOf(constants, "constant")} of ${formatBytes(constantBytes)}`,
    countOf(effects, "effect"),
  ];
  const byKind = Object.entries(kinds).map(([kind, count]) => `${formatCount(count)} ${kind}`);
  return `${name}: ${figures.join(", ")}; ${byKind.join(", ")}`;
}

/** Parts of a layer belong to it, and a sum outside every part to what it is the sum of: the loss, or the update. */
const blockOf = (scope: string): string => /^(?:.*?layers\.\d+)/.exec(scope)?.[0] ?? scope;

/**
 * One function as a flowchart (https://mermaid.js.org/syntax/flowchart.html): a box for each scope with its ops, blocks as
 * subgraphs of their parts, and on each arrow what passes. `collapse` makes each block one box.
 */
export function programMermaid(fn: ProgramFunction, collapse: boolean): string {
  const { groups, edges, effects } = scopeGraph(fn, collapse ? blockOf : (scope) => scope);
  const ids = new Map(groups.map(({ scope }, index) => [scope, `s${index}`]));
  const boxes = new Map<string, string[]>();
  for (const { scope, nodes, flops } of groups) {
    const block = blockOf(scope);
    const inside = !collapse && block !== scope;
    const title = inside ? scope.slice(block.length + 1) : scope === "" ? "loss and update" : scope;
    const changed = effects.get(scope);
    const lines = [
      title,
      opsText(nodes),
      ...(flops === 0 ? [] : [`${formatCompact(flops)} FLOPs`]),
      ...(changed === undefined ? [] : [`changes ${countOf(changed, "variable")}`]),
    ];
    const home = inside ? block : "";
    boxes.set(home, [...(boxes.get(home) ?? []), `${ids.get(scope) ?? ""}["${lines.join("<br/>")}"]`]);
  }
  const drawn = [...boxes].flatMap(([block, inside], index) =>
    block === ""
      ? inside.map((box) => `  ${box}`)
      : [`  subgraph b${index} ["${block}"]`, ...inside.map((box) => `    ${box}`), "  end"],
  );
  const arrows = edges.map(
    ({ from, to, values }) => `  ${ids.get(from) ?? ""} -- "${valuesText(values)}" --> ${ids.get(to) ?? ""}`,
  );
  return [`%% ${fn.name}`, "flowchart TD", ...drawn, ...arrows].join("\n");
}

const mostFrequent = 4;

function opsText(nodes: readonly Tensor[]): string {
  const kinds = countKinds(nodes);
  const shown = kinds.slice(0, mostFrequent).map(([kind, count]) => `${formatCount(count)} ${kind}`);
  const more = kinds.slice(mostFrequent).reduce((total, [, count]) => total + count, 0);
  return [...shown, ...(more === 0 ? [] : [`${formatCount(more)} more`])].join(", ");
}

/** `(8192, 576)`, `(4, 8) ×2`; of many kinds the first. */
function valuesText(values: readonly Tensor[]): string {
  const counts = new Map<string, number>();
  for (const { shape } of values) counts.set(shapeText(shape), (counts.get(shapeText(shape)) ?? 0) + 1);
  const texts = [...counts].map(([shape, count]) => (count === 1 ? shape : `${shape} ×${count}`));
  const more = texts.length - mostFrequent;
  return [...texts.slice(0, mostFrequent), ...(more > 0 ? [`${more} more`] : [])].join(", ");
}
