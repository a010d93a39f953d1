/**
 * A lineage graph as OpenLineage events: for each execution a START and a COMPLETE, artifacts as datasets. A dataset
 * is an output of a stage, its version the digest. Source: OpenLineage 2-0-2, spec/OpenLineage.json.
 */
import type { JsonObject } from "../std/json.ts";
import { nameUuid } from "../std/name-uuid.ts";
import type { ArtifactNode, ExecutionNode, LineageGraph } from "./lineage-graph.ts";
import { artifactsOf, edgesOf, endOf, executionsOf } from "./node-lists.ts";
import { remarkText } from "./remark-text.ts";

const PRODUCER = "urn:pipeline:runner";
const SCHEMA = "https://openlineage.io/spec/2-0-2/OpenLineage.json#/$defs/RunEvent";
const FACETS = "https://openlineage.io/spec/facets";

/** `namespace`: the pipeline's name. In the order in which things happened. */
export function openLineageOf(graph: LineageGraph, namespace: string): JsonObject[] {
  const artifacts = new Map(artifactsOf(graph).map((node) => [node.id, node]));
  const executions = new Map(executionsOf(graph).map((node) => [node.id, node]));
  const made = edgesOf(graph, "produced");
  const read = edgesOf(graph, "consumed");
  /** An output's name has to be the same for who made it and who reads it. */
  const nameOf = (id: string): string => {
    const edge = made.find(({ to }) => to === id);
    const maker = edge && executions.get(edge.from);
    return edge && maker ? `${maker.stageId}/${edge.name}` : id;
  };
  const dataset = (id: string, name: string): JsonObject => {
    const artifact = artifacts.get(id);
    return { namespace, name, facets: artifact ? datasetFacets(artifact) : {} };
  };
  const events = [...executions.values()].flatMap((node) => {
    const base = {
      run: { runId: nameUuid(`${node.runId}/${node.fingerprint}`), facets: runFacets(node) },
      job: { namespace, name: node.stageId, facets: jobFacets(node) },
      inputs: read.filter(({ to }) => to === node.id).map(({ from }) => dataset(from, nameOf(from))),
      producer: PRODUCER,
      schemaURL: SCHEMA,
    };
    const outputs = made
      .filter(({ from }) => from === node.id)
      .map(({ to, name }) => ({
        ...dataset(to, `${node.stageId}/${name}`),
        outputFacets: outputFacets(artifacts.get(to)),
      }));
    return [
      { eventType: "START", eventTime: node.startedAt, ...base, outputs: [] },
      { eventType: "COMPLETE", eventTime: endOf(node), ...base, outputs },
    ];
  });
  // Stable: what began and ended in one millisecond stays in its order.
  return events.sort((a, b) => Date.parse(a.eventTime) - Date.parse(b.eventTime));
}

const facet = (schema: string, fields: JsonObject): JsonObject => {
  return { _producer: PRODUCER, _schemaURL: schema, ...fields };
};

const standard = (version: string, name: string, fields: JsonObject): JsonObject =>
  facet(`${FACETS}/${version}/${name}.json#/$defs/${name}`, fields);

/** Of the project's own: names and addresses that no standard facet has. */
const own = (name: string, fields: JsonObject): JsonObject => facet(`urn:pipeline:facet:${name}:1`, fields);

const runFacets = (node: ExecutionNode): JsonObject => ({
  pipeline_execution: own("execution", {
    fingerprint: node.fingerprint,
    run: node.runId,
    params: node.params,
    environment: node.environment,
    ...(node.remarks ? { remarks: node.remarks.map(remarkText) } : {}),
    ...(node.evictedAt === undefined ? {} : { evictedAt: node.evictedAt }),
  }),
});

const jobFacets = (node: ExecutionNode): JsonObject => ({
  jobType: standard("2-0-4", "JobTypeJobFacet", {
    processingType: "BATCH",
    integration: "PIPELINE",
    jobType: "STAGE",
  }),
  pipeline_source: own("source", {
    stage: node.stageName,
    digest: node.sourceDigest,
    packages: node.packages,
  }),
});

const datasetFacets = ({ digest, kind, summary }: ArtifactNode): JsonObject => ({
  version: standard("1-0-1", "DatasetVersionDatasetFacet", { datasetVersion: digest }),
  pipeline_artifact: own("artifact", { kind, sha256: digest, summary }),
});

const outputFacets = (artifact: ArtifactNode | undefined): JsonObject =>
  artifact === undefined
    ? {}
    : {
        outputStatistics: standard("1-0-2", "OutputStatisticsOutputDatasetFacet", {
          size: artifact.sizeBytes,
        }),
      };
