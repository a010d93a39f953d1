/**
 * A lineage graph as PROV-JSON: artifacts are entities, executions activities, the code of their stages agents.
 * Source: The PROV-JSON Serialization, W3C Member Submission 24 April 2013; terms of PROV-DM.
 */
import type { Json, JsonObject } from "../std/json.ts";
import { leavesOf } from "../std/leaves.ts";
import type { ArtifactNode, ExecutionNode, LineageGraph } from "./lineage-graph.ts";
import { artifactsOf, edgesOf, endOf, executionsOf } from "./node-lists.ts";
import { remarkText } from "./remark-text.ts";

const prefix = {
  artifact: "urn:sha256:",
  execution: "urn:pipeline:execution:",
  source: "urn:pipeline:source:",
  pipeline: "urn:pipeline:term:",
  param: "urn:pipeline:param:",
  summary: "urn:pipeline:summary:",
};

export function provOf(graph: LineageGraph): JsonObject {
  const executions = executionsOf(graph);
  const byId = new Map(executions.map((node) => [node.id, node]));
  const made = edgesOf(graph, "produced");
  const read = edgesOf(graph, "consumed");
  const derived = made.flatMap(({ from, to }) =>
    read
      .filter((input) => input.to === from)
      .map((input) => ({
        "prov:generatedEntity": to,
        "prov:usedEntity": input.from,
        "prov:activity": from,
      })),
  );
  return {
    prefix,
    entity: Object.fromEntries(artifactsOf(graph).map((node) => [node.id, entity(node)])),
    activity: Object.fromEntries(executions.map((node) => [node.id, activity(node)])),
    agent: Object.fromEntries(executions.map((node) => [sourceId(node), agent(node)])),
    used: numbered(
      "u",
      read.map(({ from, to, name }) => ({
        "prov:activity": to,
        "prov:entity": from,
        "prov:role": name,
        ...timeOf("prov:time", byId.get(to)?.startedAt),
      })),
    ),
    wasGeneratedBy: numbered(
      "g",
      made.map(({ from, to, name }) => {
        const maker = byId.get(from);
        const time = timeOf("prov:time", maker && endOf(maker));
        return { "prov:entity": to, "prov:activity": from, "prov:role": name, ...time };
      }),
    ),
    wasDerivedFrom: numbered("d", derived),
    wasAssociatedWith: numbered(
      "a",
      executions.map((node) => ({ "prov:activity": node.id, "prov:agent": sourceId(node) })),
    ),
    wasInformedBy: numbered(
      "i",
      edgesOf(graph, "extended").map(({ from, to, name }) => ({
        "prov:informed": to,
        "prov:informant": from,
        "pipeline:continuedAt": name,
      })),
    ),
  };
}

const sourceId = ({ sourceDigest }: ExecutionNode): string => `source:${sourceDigest}`;

const entity = ({ kind, digest, sizeBytes, summary }: ArtifactNode): JsonObject => ({
  "prov:type": { $: `pipeline:${kind}`, type: "prov:QUALIFIED_NAME" },
  "pipeline:sha256": digest,
  "pipeline:sizeBytes": typed(sizeBytes),
  ...attributes("summary", summary),
});

const activity = (node: ExecutionNode): JsonObject => ({
  "prov:startTime": node.startedAt,
  "prov:endTime": endOf(node),
  "prov:type": { $: "pipeline:execution", type: "prov:QUALIFIED_NAME" },
  "prov:label": node.stageId,
  "pipeline:stage": node.stageName,
  "pipeline:run": node.runId,
  "pipeline:fingerprint": node.fingerprint,
  "pipeline:durationMs": typed(node.durationMs),
  ...(node.remarks ? { "pipeline:remark": node.remarks.map(remarkText) } : {}),
  ...(node.evictedAt === undefined
    ? {}
    : { "pipeline:evictedAt": { $: node.evictedAt, type: "xsd:dateTime" } }),
  ...attributes("param", node.params),
});

/** The software: a stage's code with the packages that it imports. */
const agent = ({ stageName, sourceDigest, packages }: ExecutionNode): JsonObject => ({
  "prov:type": { $: "prov:SoftwareAgent", type: "prov:QUALIFIED_NAME" },
  "prov:label": stageName,
  "pipeline:sourceDigest": sourceDigest,
  "pipeline:package": Object.entries(packages).map(([name, version]) => `${name} ${version}`),
});

const timeOf = (name: string, time: string | undefined): JsonObject =>
  time === undefined ? {} : { [name]: time };

/** Leaves as attributes; list positions as names, because brackets end a qualified name. */
const attributes = (namespace: string, object: JsonObject): JsonObject =>
  Object.fromEntries(
    Object.entries(leavesOf(object)).map(([path, value]) => [
      `${namespace}:${path.replace(/\[(\d+)\]/g, ".$1").replace(/[^\p{L}\p{N}_.-]/gu, "_")}`,
      typed(value),
    ]),
  );

function typed(value: Json): Json {
  if (typeof value === "number")
    return { $: String(value), type: Number.isSafeInteger(value) ? "xsd:long" : "xsd:double" };
  if (typeof value === "boolean") return { $: String(value), type: "xsd:boolean" };
  return typeof value === "string" ? value : JSON.stringify(value);
}

/** Relations without a name of their own get blank ones. */
const numbered = (letter: string, relations: readonly JsonObject[]): JsonObject =>
  Object.fromEntries(relations.map((relation, index) => [`_:${letter}${index + 1}`, relation]));
