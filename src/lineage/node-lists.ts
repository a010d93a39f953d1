/** A lineage graph taken apart: executions, artifacts, and what each execution read and made. */
import type { ArtifactNode, ExecutionNode, LineageEdge, LineageGraph } from "./lineage-graph.ts";

export const executionsOf = ({ nodes }: LineageGraph): ExecutionNode[] =>
  nodes.filter((node) => node.type === "execution");

export const artifactsOf = ({ nodes }: LineageGraph): ArtifactNode[] =>
  nodes.filter((node) => node.type === "artifact");

export const edgesOf = ({ edges }: LineageGraph, type: LineageEdge["type"]): LineageEdge[] =>
  edges.filter((edge) => edge.type === type);

/** ISO 8601. Of an execution that was resumed, the end is reckoned from its last slice. */
export const endOf = ({ startedAt, durationMs }: ExecutionNode): string =>
  new Date(Date.parse(startedAt) + durationMs).toISOString();
