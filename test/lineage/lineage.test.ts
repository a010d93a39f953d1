import { mkdtempSync, mkdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { explain, type CurrentRecipe } from "../../src/lineage/explain.ts";
import { queryLineage } from "../../src/lineage/query.ts";
import { openStore } from "../../src/store/open-store.ts";
import type { ExecutionRecord } from "../../src/store/records.ts";
import type { Store } from "../../src/store/store.ts";

let root: string;
let store: Store;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), "lineage-"));
  store = openStore(root);
});
afterEach(async () => {
  await store.close();
  rmSync(root, { recursive: true, force: true });
});

/** Commits an execution that writes `text`; answers the digest of its output. */
async function execute(
  fingerprint: string,
  stageId: string,
  text: string,
  from: readonly string[] = [],
): Promise<string> {
  const directory = join(await store.makeWorkDirectory("test"), "out");
  mkdirSync(directory);
  writeFileSync(join(directory, "value"), text);
  const object = await store.adopt(directory);
  const inputs = from.map((producer) => {
    const digest = store.execution(producer)?.outputs["out"]?.digest ?? "";
    return [
      producer,
      { digest, kind: "k", formatVersion: 1, stageId: producer, output: "out", producer },
    ] as const;
  });
  const record: ExecutionRecord = {
    ...BASE,
    fingerprint,
    stageId,
    inputs: Object.fromEntries(inputs),
    outputs: {
      out: { digest: object.digest, kind: "k", formatVersion: 1, sizeBytes: object.sizeBytes, summary: {} },
    },
  };
  store.commit(record, [object]);
  return object.digest;
}

const BASE: ExecutionRecord = {
  fingerprint: "f",
  fingerprintVersion: 1,
  stageId: "stage",
  stageName: "stage",
  params: { rate: 1, nested: { a: 1, b: [1] } },
  runtimeParams: {},
  inputs: { in: { digest: "d1", kind: "k", formatVersion: 1, stageId: "x", output: "o", producer: "p" } },
  outputs: { out: { digest: "o1", kind: "k", formatVersion: 1, sizeBytes: 1, summary: {} } },
  source: { digest: "s1", files: { "a.ts": "1", "b.ts": "2" } },
  packages: { zod: "1" },
  environment: { engine: "wasm" },
  runId: "run",
  startedAt: "2026-01-01T00:00:00.000Z",
  durationMs: 1,
  resumedFrom: [],
  logFile: "",
};

const A = "aaaaaa".padEnd(64, "0");
const B = "bbbbbb".padEnd(64, "0");
const C = "cccccc".padEnd(64, "0");
const D = "dddddd".padEnd(64, "0");

/** a → b → c, and a → d. */
async function diamond(): Promise<Record<"a" | "b" | "c" | "d", string>> {
  const a = await execute(A, "a", "1");
  const b = await execute(B, "b", "2", [A]);
  const c = await execute(C, "c", "3", [B]);
  const d = await execute(D, "d", "4", [A]);
  return { a, b, c, d };
}

const stagesOf = (graph: ReturnType<typeof queryLineage>): string[] =>
  graph.nodes.flatMap((node) => (node.type === "execution" ? [node.stageId] : [])).sort();

test("up from a stage is what it came from, down is what came from it", async () => {
  await diamond();
  expect(stagesOf(queryLineage(store, "b", "up"))).toEqual(["a", "b"]);
  expect(stagesOf(queryLineage(store, "b", "down"))).toEqual(["b", "c"]);
  expect(stagesOf(queryLineage(store, "b", "both"))).toEqual(["a", "b", "c"]);
  expect(stagesOf(queryLineage(store, "a", "down"))).toEqual(["a", "b", "c", "d"]);
});

test("every edge joins two nodes of the answer", async () => {
  await diamond();
  const { nodes, edges, subjects } = queryLineage(store, "b", "both");
  const ids = new Set(nodes.map(({ id }) => id));
  expect([...edges.flatMap(({ from, to }) => [from, to]), ...subjects].filter((id) => !ids.has(id))).toEqual(
    [],
  );
  expect(edges).toContainEqual({
    type: "produced",
    from: `execution:${A}`,
    to: expect.stringMatching(/^artifact:/) as string,
    name: "out",
  });
});

test("a digest, a fingerprint, a prefix of either and a path below artifacts/ name the same thing", async () => {
  const { c } = await diamond();
  const byDigest = queryLineage(store, c, "up");
  expect(byDigest.subjects).toEqual([`artifact:${c}`]);
  expect(queryLineage(store, c.slice(0, 8), "up")).toEqual(byDigest);
  await store.refreshView("c", "out", c);
  expect(queryLineage(store, "artifacts/c/out/value", "up")).toEqual(byDigest);
  expect(queryLineage(store, "artifacts/c", "up")).toEqual(byDigest);
  expect(queryLineage(store, "cccccc", "up").subjects).toEqual([`execution:${C}`]);
});

test("an artifact that two executions made has both above it, an input only the one it was read from", async () => {
  await execute(A, "a", "same");
  await execute(B, "b", "same");
  const digest = await execute(C, "c", "3", [A]);
  expect(stagesOf(queryLineage(store, digest, "up"))).toEqual(["a", "c"]);
  const same = store.execution(A)?.outputs["out"]?.digest ?? "";
  expect(stagesOf(queryLineage(store, same, "up"))).toEqual(["a", "b"]);
});

test("what is not known is an error that names what is", async () => {
  await diamond();
  expect(() => queryLineage(store, "nothing", "up")).toThrow(
    expect.objectContaining({
      code: "LINEAGE_UNKNOWN",
      hint: expect.stringContaining("a, b, c, d") as string,
    }),
  );
});

const now: CurrentRecipe = { ...BASE, source: BASE.source };

test("an unchanged recipe has no differences", () => {
  expect(explain(BASE, now)).toEqual([]);
});

test.each<[string, Partial<CurrentRecipe>, object]>([
  [
    "a param",
    { params: { rate: 2, nested: { a: 1, b: [1] } } },
    { code: "param-changed", field: "rate", old: 1, new: 2, message: "param rate: 1 → 2" },
  ],
  [
    "a nested param",
    { params: { rate: 1, nested: { a: 5, b: [1] } } },
    { code: "param-changed", field: "nested.a", old: 1, new: 5 },
  ],
  [
    "an element of a list",
    { params: { rate: 1, nested: { a: 1, b: [3] } } },
    { code: "param-changed", field: "nested.b[0]", old: 1, new: 3, message: "param nested.b[0]: 1 → 3" },
  ],
  [
    "a longer list",
    { params: { rate: 1, nested: { a: 1, b: [1, 2] } } },
    { code: "param-changed", field: "nested.b[1]", new: 2, message: "param nested.b[1] is new: 2" },
  ],
  [
    "a param that is gone",
    { params: { nested: { a: 1, b: [1] } } },
    { code: "param-changed", field: "rate", old: 1, message: "param rate is gone" },
  ],
  [
    "an input",
    { inputs: { in: { digest: "d2", kind: "k", formatVersion: 1 } } },
    { code: "input-changed", field: "in", old: "d1", new: "d2" },
  ],
  [
    "a source file",
    { source: { digest: "s2", files: { "a.ts": "1", "b.ts": "3" } } },
    { code: "source-changed", field: "b.ts", message: "source file b.ts changed" },
  ],
  [
    "the bundle alone",
    { source: { digest: "s2", files: BASE.source.files } },
    { code: "source-changed", field: "digest" },
  ],
  ["a package", { packages: { zod: "2" } }, { code: "package-changed", field: "zod", old: "1", new: "2" }],
  [
    "an environment fact",
    { environment: { engine: "tensorflow" } },
    { code: "environment-changed", field: "engine" },
  ],
  [
    "an input's format",
    { inputs: { in: { digest: "d1", kind: "k", formatVersion: 2 } } },
    { code: "format-changed", field: "in", old: "k v1", new: "k v2" },
  ],
  [
    "an output's format",
    { outputs: { out: { kind: "k2", formatVersion: 1 } } },
    { code: "format-changed", field: "out", old: "k v1", new: "k2 v1" },
  ],
])("%s that changed is the one difference", (_what, change, expected) => {
  const differences = explain(BASE, { ...now, ...change });
  expect(differences).toHaveLength(1);
  expect(differences[0]).toMatchObject(expected);
});

test("an input that is not made yet is no difference", () => {
  expect(explain(BASE, { ...now, inputs: { in: { digest: null, kind: "k", formatVersion: 1 } } })).toEqual(
    [],
  );
});
