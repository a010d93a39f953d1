/** The pipeline's graph: as a tree for people, as Mermaid and as Graphviz. */
import { countOf } from "../../report/quantity.ts";
import type { GraphReport } from "../../runner/session-types.ts";
import type { Paint } from "../paint.ts";
import { trees, type TreeNode } from "./tree.ts";

type GraphStage = GraphReport["stages"][number];

/** A tree for each stage that nothing else reads, its inputs below it. */
export function graphTree({ pipeline, stages }: GraphReport, paint: Paint): string {
  const byId = new Map(stages.map((stage) => [stage.id, stage]));
  const read = new Set(stages.flatMap(({ inputs }) => Object.values(inputs).map(({ stageId }) => stageId)));
  const node = (key: string): TreeNode => {
    const stage = byId.get(key);
    if (stage === undefined) return { key, lines: [key], children: [] };
    const children = Object.entries(stage.inputs).map(([name, { stageId }]) => ({
      key: stageId,
      label: name,
    }));
    return { key, lines: [stageTitle(stage, paint)], children };
  };
  const roots = stages.filter(({ id }) => !read.has(id)).map(({ id }) => id);
  const title = `${paint("bold", pipeline)}: ${countOf(stages.length, "stage")}; below each stage what it reads`;
  return [title, ...trees(roots, node).map((lines) => lines.join("\n"))].join("\n\n");
}

function stageTitle({ id, name, description }: GraphStage, paint: Paint): string {
  const other = name === id ? "" : ` (${name})`;
  return `${paint("cyan", id)}${other}${description === "" ? "" : `  ${paint("dim", description)}`}`;
}

/** https://mermaid.js.org/syntax/flowchart.html; ids are numbered, so that no name can be a keyword. */
export function graphMermaid({ stages }: GraphReport): string {
  const { ids, edges } = numbered(stages);
  const text = (label: string) => label.replaceAll('"', "#quot;");
  return [
    "flowchart LR",
    ...stages.map(({ id }) => `  ${ids.get(id) ?? ""}["${text(id)}"]`),
    ...edges.map(({ from, to, label }) => `  ${from} -- "${text(label)}" --> ${to}`),
  ].join("\n");
}

/** https://graphviz.org/doc/info/lang.html */
export function graphDot({ pipeline, stages }: GraphReport): string {
  const { ids, edges } = numbered(stages);
  const text = (label: string) => `"${label.replaceAll("\\", "\\\\").replaceAll('"', '\\"')}"`;
  return [
    `digraph ${text(pipeline)} {`,
    "  rankdir=LR;",
    '  node [shape=box, style=rounded, fontname="sans-serif"];',
    '  edge [fontname="sans-serif", fontsize=10];',
    ...stages.map(({ id }) => `  ${ids.get(id) ?? ""} [label=${text(id)}];`),
    ...edges.map(({ from, to, label }) => `  ${from} -> ${to} [label=${text(label)}];`),
    "}",
  ].join("\n");
}

function numbered(stages: readonly GraphStage[]) {
  const ids = new Map(stages.map(({ id }, index) => [id, `s${index}`]));
  const edges = stages.flatMap(({ id, inputs }) =>
    Object.values(inputs).map(({ stageId, kind }) => {
      return { from: ids.get(stageId) ?? "", to: ids.get(id) ?? "", label: kind };
    }),
  );
  return { ids, edges };
}
