/** A lineage graph for drawing tools: executions as boxes, artifacts as rounded ones. */
import type { LineageGraph, LineageNode } from "../../lineage/lineage-graph.ts";
import { shortDigest } from "./short-digest.ts";

const labelOf = (node: LineageNode): readonly [string, string] =>
  node.type === "execution" ? [node.stageId, node.runId] : [node.kind, shortDigest(node.digest)];

/** https://mermaid.js.org/syntax/flowchart.html; ids are numbered, so that no name can be a keyword. */
export function lineageMermaid(graph: LineageGraph): string {
  const ids = numbered(graph);
  const text = (label: string) => label.replaceAll('"', "#quot;");
  return [
    "flowchart LR",
    ...graph.nodes.map((node) => {
      const label = `"${labelOf(node).map(text).join("<br>")}"`;
      return `  ${ids(node.id)}${node.type === "execution" ? `[${label}]` : `([${label}])`}`;
    }),
    ...graph.edges.map(({ from, to, name }) => `  ${ids(from)} -- "${text(name)}" --> ${ids(to)}`),
  ].join("\n");
}

/** https://graphviz.org/doc/info/lang.html */
export function lineageDot(graph: LineageGraph): string {
  const ids = numbered(graph);
  const text = (label: string) => label.replaceAll("\\", "\\\\").replaceAll('"', '\\"');
  return [
    "digraph lineage {",
    "  rankdir=LR;",
    '  node [fontname="sans-serif"];',
    '  edge [fontname="sans-serif", fontsize=10];',
    ...graph.nodes.map((node) => {
      const shape = node.type === "execution" ? "box" : "ellipse";
      return `  ${ids(node.id)} [shape=${shape}, label="${labelOf(node).map(text).join("\\n")}"];`;
    }),
    ...graph.edges.map(({ from, to, name }) => `  ${ids(from)} -> ${ids(to)} [label="${text(name)}"];`),
    "}",
  ].join("\n");
}

function numbered({ nodes }: LineageGraph): (id: string) => string {
  const ids = new Map(nodes.map(({ id }, index) => [id, `n${index}`]));
  return (id) => ids.get(id) ?? "";
}
