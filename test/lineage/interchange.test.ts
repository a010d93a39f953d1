/** Lineage in the forms of others: PROV-JSON and OpenLineage. */
import { spawnSync } from "node:child_process";
import { expect, test } from "vitest";
import type { LineageGraph } from "../../src/lineage/lineage-graph.ts";
import { openLineageOf } from "../../src/lineage/open-lineage.ts";
import { provOf } from "../../src/lineage/prov.ts";
import type { Json } from "../../src/std/json.ts";
import { nameUuid } from "../../src/std/name-uuid.ts";

const execution = (stageId: string, startedAt: string) => ({
  type: "execution" as const,
  id: `execution:${stageId}`,
  fingerprint: stageId,
  stageId,
  stageName: "stage",
  runId: "run",
  startedAt,
  durationMs: 1500,
  params: { rate: 0.5, steps: 3, on: true, list: [{ name: "x" }], none: null },
  sourceDigest: `source-of-${stageId}`,
  packages: { zod: "4.0.0" },
  environment: { engine: "wasm" },
});
const artifact = (digest: string, kind: string) => ({
  type: "artifact" as const,
  id: `artifact:${digest}`,
  digest,
  kind,
  sizeBytes: 10,
  summary: { loss: 2.5 },
});

/** words → corpus → train → model */
const graph: LineageGraph = {
  subjects: ["execution:train"],
  nodes: [
    execution("train", "2026-01-01T00:00:10.000Z"),
    execution("words", "2026-01-01T00:00:00.000Z"),
    artifact("d1", "corpus"),
    artifact("d2", "model"),
  ],
  edges: [
    { type: "produced", from: "execution:words", to: "artifact:d1", name: "corpus" },
    { type: "consumed", from: "artifact:d1", to: "execution:train", name: "texts" },
    { type: "produced", from: "execution:train", to: "artifact:d2", name: "model" },
  ],
};

test("PROV: artifacts are entities, executions activities, and every relation joins what is declared", () => {
  const document = provOf(graph) as Record<string, Record<string, Record<string, Json>>>;
  const declared = new Set(
    ["entity", "activity", "agent"].flatMap((part) => Object.keys(document[part] ?? {})),
  );
  expect([...declared].sort()).toEqual([
    "artifact:d1",
    "artifact:d2",
    "execution:train",
    "execution:words",
    "source:source-of-train",
    "source:source-of-words",
  ]);
  const relations = ["used", "wasGeneratedBy", "wasDerivedFrom", "wasAssociatedWith"];
  const ends = relations.flatMap((part) =>
    Object.values(document[part] ?? {}).flatMap((relation) =>
      ["prov:activity", "prov:entity", "prov:generatedEntity", "prov:usedEntity", "prov:agent"].flatMap(
        (name) => relation[name] ?? [],
      ),
    ),
  );
  expect(ends.length).toBeGreaterThan(0);
  expect(ends.filter((end) => typeof end !== "string" || !declared.has(end))).toEqual([]);
  expect(document["used"]).toEqual({
    "_:u1": {
      "prov:activity": "execution:train",
      "prov:entity": "artifact:d1",
      "prov:role": "texts",
      "prov:time": "2026-01-01T00:00:10.000Z",
    },
  });
  expect(document["wasDerivedFrom"]).toEqual({
    "_:d1": {
      "prov:generatedEntity": "artifact:d2",
      "prov:usedEntity": "artifact:d1",
      "prov:activity": "execution:train",
    },
  });
  expect(document["activity"]?.["execution:train"]).toMatchObject({
    "prov:startTime": "2026-01-01T00:00:10.000Z",
    "prov:endTime": "2026-01-01T00:00:11.500Z",
    "param:rate": { $: "0.5", type: "xsd:double" },
    "param:steps": { $: "3", type: "xsd:long" },
    "param:on": { $: "true", type: "xsd:boolean" },
    "param:list.0.name": "x",
    "param:none": "null",
  });
});

test("PROV: every prefix that a name uses is declared", () => {
  const { prefix, ...parts } = provOf(graph) as Record<string, Record<string, Record<string, unknown>>>;
  const names = Object.values(parts).flatMap((part) =>
    Object.entries(part).flatMap(([id, attributes]) => [id, ...Object.keys(attributes)]),
  );
  const used = new Set(names.map((name) => name.split(":")[0] ?? ""));
  expect([...used].filter((name) => !["prov", "_", ...Object.keys(prefix ?? {})].includes(name))).toEqual([]);
});

test("OpenLineage: one START and one COMPLETE for each execution, in order, under one UUID", () => {
  const events = openLineageOf(graph, "demo");
  expect(events.map(({ eventType, eventTime, job }) => [eventType, eventTime, job])).toMatchObject([
    ["START", "2026-01-01T00:00:00.000Z", { namespace: "demo", name: "words" }],
    ["COMPLETE", "2026-01-01T00:00:01.500Z", { namespace: "demo", name: "words" }],
    ["START", "2026-01-01T00:00:10.000Z", { namespace: "demo", name: "train" }],
    ["COMPLETE", "2026-01-01T00:00:11.500Z", { namespace: "demo", name: "train" }],
  ]);
  const ids = events.map(({ run }) => (run as { runId: string }).runId);
  expect(ids[0]).toBe(ids[1]);
  expect(ids[2]).toBe(ids[3]);
  expect(ids[0]).not.toBe(ids[2]);
  expect(openLineageOf(graph, "demo")).toEqual(events);
});

test("OpenLineage: what one job reads is what another made, by the same name and version", () => {
  const [, words, , train] = openLineageOf(graph, "demo");
  const made = (words?.["outputs"] as Record<string, unknown>[])[0];
  const read = (train?.["inputs"] as Record<string, unknown>[])[0];
  expect(made).toMatchObject({ namespace: "demo", name: "words/corpus" });
  expect(read).toEqual({ namespace: made?.["namespace"], name: made?.["name"], facets: made?.["facets"] });
  expect(read).toMatchObject({ facets: { version: { datasetVersion: "d1" } } });
});

test("OpenLineage: every facet says who made it and by which schema", () => {
  const facets: unknown[] = [];
  const collect = (value: unknown): void => {
    if (typeof value !== "object" || value === null) return;
    for (const [key, each] of Object.entries(value)) {
      if (/facets$/i.test(key)) facets.push(...Object.values(each as Record<string, unknown>));
      collect(each);
    }
  };
  collect(openLineageOf(graph, "demo"));
  expect(facets.length).toBeGreaterThan(10);
  for (const facet of facets)
    expect(facet).toMatchObject({
      _producer: expect.stringMatching(/^urn:/) as string,
      _schemaURL: expect.stringMatching(/^(urn|https):/) as string,
    });
});

test("a UUID of a name is of version 8 and the RFC's variant, and the same each time", () => {
  expect(nameUuid("a")).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
  expect(nameUuid("a")).toBe(nameUuid("a"));
  expect(nameUuid("a")).not.toBe(nameUuid("b"));
});

const python = process.env["PYTHON"] ?? "python3";
const has = (module: string): boolean => spawnSync(python, ["-c", `import ${module}`]).status === 0;
const read = (script: string, input: unknown): void => {
  const { status, stderr } = spawnSync(python, ["-c", script], {
    input: JSON.stringify(input),
    encoding: "utf8",
  });
  expect({ status, stderr }).toEqual({ status: 0, stderr: "" });
};

test.skipIf(!has("prov"))(
  "PROV is read, and written again, by Python's prov (needs: pip install prov)",
  () => {
    read(
      `
import sys
from prov.model import ProvDocument
document = ProvDocument.deserialize(content=sys.stdin.read(), format="json")
assert len(document.get_records()) == 12, len(document.get_records())
assert ProvDocument.deserialize(content=document.serialize(format="json"), format="json") == document
`,
      provOf(graph),
    );
  },
);

test.skipIf(!has("openlineage.client"))(
  "OpenLineage is taken by its Python client's classes (needs: pip install openlineage-python)",
  () => {
    read(
      `
import json, sys
from openlineage.client.event_v2 import InputDataset, Job, OutputDataset, Run, RunEvent, RunState
from openlineage.client.generated.dataset_version_dataset import DatasetVersionDatasetFacet as Version
from openlineage.client.generated.job_type_job import JobTypeJobFacet as JobType
from openlineage.client.generated.output_statistics_output_dataset import OutputStatisticsOutputDatasetFacet as Size
bare = lambda facet: {key: value for key, value in facet.items() if key[0] != "_"}
def known(facet, cls):
    assert facet["_schemaURL"].split("#")[1] == cls._get_schema().split("#")[1], facet
    cls(**bare(facet))
for event in json.load(sys.stdin):
    known(event["job"]["facets"]["jobType"], JobType)
    for each in event["inputs"] + event["outputs"]: known(each["facets"]["version"], Version)
    for each in event["outputs"]: known(each["outputFacets"]["outputStatistics"], Size)
    RunEvent(
        eventType=RunState[event["eventType"]], eventTime=event["eventTime"], producer=event["producer"],
        run=Run(event["run"]["runId"]), job=Job(event["job"]["namespace"], event["job"]["name"]),
        inputs=[InputDataset(each["namespace"], each["name"]) for each in event["inputs"]],
        outputs=[OutputDataset(each["namespace"], each["name"]) for each in event["outputs"]],
    )
`,
      openLineageOf(graph, "demo"),
    );
  },
);
