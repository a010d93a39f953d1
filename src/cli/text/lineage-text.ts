/** A lineage graph as trees: upwards what an artifact was made from, downwards what was made from it. */
import { formatBytes, formatDuration } from "../../report/quantity.ts";
import type { AcceptanceRecord, Origin } from "../../store/records.ts";
import { remarkText } from "../../lineage/remark-text.ts";
import type { LineageDirection, LineageGraph, LineageNode } from "../../lineage/lineage-graph.ts";
import type { Paint } from "../paint.ts";
import { summaryTexts } from "../run-view/figures.ts";
import { originText } from "./origin-text.ts";
import { ago } from "./status-text.ts";
import { trees, type TreeChild, type TreeNode } from "./tree.ts";
import { shortDigest } from "./short-digest.ts";

export function lineageText(
  graph: LineageGraph,
  {
    direction,
    now,
    paint,
  }: { readonly direction: LineageDirection; readonly now: number; readonly paint: Paint },
): string {
  const nodes = new Map(graph.nodes.map((node) => [node.id, node]));
  const part = (towards: "up" | "down", title: string): readonly string[] => {
    const find = (key: string): TreeNode => {
      const node = nodes.get(key);
      const lines: [string, ...string[]] = node === undefined ? [key] : nodeLines(node, now, paint);
      return { key, lines, children: neighbours(graph, key, towards) };
    };
    const subjects = graph.subjects.filter(
      (subject) => direction !== "both" || neighbours(graph, subject, towards).length > 0,
    );
    return trees(subjects, find).map((lines) => [paint("dim", title), ...lines].join("\n"));
  };
  return [
    ...fileBlock(graph),
    ...(direction === "down" ? [] : part("up", "made from")),
    ...(direction === "up" ? [] : part("down", "used for")),
  ].join("\n\n");
}

/** The file that was asked for, and where it is: a block of its own, or none. */
const fileBlock = ({ files = [] }: LineageGraph): readonly string[] =>
  files.length === 0
    ? []
    : [
        files
          .map(({ path, sha256, artifact }) => {
            return `file ${shortDigest(sha256)} is ${path} of ${shortDigest(artifact.replace("artifact:", ""))}`;
          })
          .join("\n"),
      ];

/** Up: artifact → the execution that produced it → the artifacts it consumed. Down: the other way. */
function neighbours({ edges }: LineageGraph, id: string, towards: "up" | "down"): readonly TreeChild[] {
  return towards === "up"
    ? edges.filter(({ to }) => to === id).map((edge) => child(edge.from, edge))
    : edges.filter(({ from }) => from === id).map((edge) => child(edge.to, edge));
}

function child(key: string, { type, name }: LineageGraph["edges"][number]): TreeChild {
  if (type === "extended") return { key, label: `continued at ${name}` };
  return type === "consumed" || key.startsWith("artifact:") ? { key, label: name } : { key };
}

function nodeLines(node: LineageNode, now: number, paint: Paint): [string, ...string[]] {
  if (node.type === "artifact") {
    const figures = summaryTexts(node.summary).slice(0, 4).join(" · ");
    const first = `${paint("bold", node.kind)} ${shortDigest(node.digest)}, ${formatBytes(node.sizeBytes)}`;
    return figures === "" ? [first] : [first, paint("dim", figures)];
  }
  const name = node.stageName === node.stageId ? "" : ` (${node.stageName})`;
  const params = Object.entries(node.params).map(([key, value]) => `${key} ${JSON.stringify(value)}`);
  const first = `stage ${paint("cyan", node.stageId)}${name}, ${ago(node.startedAt, now)} in ${formatDuration(node.durationMs)}, run ${node.runId}`;
  return [
    first,
    ...(params.length === 0 ? [] : [paint("dim", params.join(" · "))]),
    ...(node.origin === undefined ? [] : [paint("dim", originText(node.origin))]),
    ...[...(node.remarks ?? []).map(remarkText), ...fateLines(node, now)].map((line) =>
      paint("yellow", line),
    ),
  ];
}

/** What became of an execution after it was made, or instead. */
export function fateLines(
  {
    evictedAt,
    acceptedFrom,
    origin,
  }: {
    readonly evictedAt?: string | undefined;
    readonly acceptedFrom?: AcceptanceRecord | undefined;
    readonly origin?: Origin | undefined;
  },
  now: number,
): readonly string[] {
  return [
    ...(acceptedFrom === undefined
      ? []
      : [
          `accepted ${ago(acceptedFrom.at, now)} as equal to ${shortDigest(acceptedFrom.fingerprint)}: ${acceptedFrom.changes.join(", ")}`,
        ]),
    ...(evictedAt === undefined || origin?.lineageOnly === true
      ? []
      : [`artifacts removed by gc ${ago(evictedAt, now)}; this record stays`]),
  ];
}
