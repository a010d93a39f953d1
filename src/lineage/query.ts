/** Questions to the lineage: where something came from, and what came from it. */
import { userError } from "../errors.ts";
import type { ExecutionRecord } from "../store/records.ts";
import type { IndexReads } from "../store/store.ts";
import type {
  LineageDirection,
  LineageEdge,
  LineageGraph,
  LineageNode,
  MatchedFile,
} from "./lineage-graph.ts";

const executionId = (fingerprint: string): string => `execution:${fingerprint}`;
const artifactId = (digest: string): string => `artifact:${digest}`;

type Index = Pick<
  IndexReads,
  "execution" | "executions" | "latest" | "producers" | "consumers" | "viewed" | "object"
>;

/**
 * `subject`: a stage id, the digest of an artifact or of a file in one, a fingerprint, a prefix of these (6 digits
 * or more), or a path below artifacts/, relative to the project. `asked`: what a person wrote for it. Throws `LINEAGE_UNKNOWN` and
 * `LINEAGE_AMBIGUOUS`.
 */
export function queryLineage(
  index: Index,
  subject: string,
  direction: LineageDirection,
  asked = subject,
): LineageGraph {
  const { subjects, files } = find(index, subject, asked);
  const walk = new Walk(index);
  for (const id of subjects) {
    if (direction !== "down") walk.up(id);
    if (direction !== "up") walk.down(id);
  }
  return { subjects, ...(files.length === 0 ? {} : { files }), ...walk.result() };
}

/** Ids of the nodes (`execution:…`, `artifact:…`) that a subject names. Throws as `queryLineage` does. */
export const findSubjects = (index: Index, subject: string): readonly string[] =>
  find(index, subject, subject).subjects;

interface Found {
  readonly subjects: readonly string[];
  readonly files: readonly MatchedFile[];
}

function find(index: Index, subject: string, asked: string): Found {
  const view = /^(?:\.\/)?artifacts\/([^/]+)(?:\/([^/]+))?/.exec(subject);
  if (view?.[1] !== undefined) return named(viewSubjects(index, view[1], view[2]) ?? unknown(index, asked));
  const latest = index.latest(subject);
  if (latest) return named([executionId(latest.fingerprint)]);
  if (!/^[0-9a-f]{6,64}$/.test(subject)) return unknown(index, asked);
  const all = index.executions();
  const found = new Set([
    ...all
      .filter(({ fingerprint }) => fingerprint.startsWith(subject))
      .map(({ fingerprint }) => executionId(fingerprint)),
    ...all
      .flatMap(({ outputs }) => Object.values(outputs))
      .filter(({ digest }) => digest.startsWith(subject))
      .map(({ digest }) => artifactId(digest)),
  ]);
  const files = found.size === 0 ? filesOf(index, all, subject) : [];
  const meant = found.size === 0 ? new Set(files.map(({ sha256 }) => `file:${sha256}`)) : found;
  if (meant.size > 1)
    throw userError(
      "LINEAGE_AMBIGUOUS",
      `${subject} is the beginning of ${meant.size}: ${[...meant].join(", ")}`,
      "give more digits",
    );
  if (meant.size === 0) return unknown(index, subject === asked ? asked : `${asked} (sha256 ${subject})`);
  // One file may be part of several artifacts: all of them are its story.
  return found.size === 1
    ? named([...found])
    : { subjects: unique(files.map(({ artifact }) => artifact)), files };
}

const named = (subjects: readonly string[]): Found => ({ subjects, files: [] });

const unique = <T>(items: readonly T[]): T[] => [...new Set(items)];

/** Files in artifacts whose digest begins so. */
function filesOf(index: Index, executions: readonly ExecutionRecord[], digits: string): MatchedFile[] {
  const digests = unique(
    executions.flatMap(({ outputs }) => Object.values(outputs).map(({ digest }) => digest)),
  );
  return digests.flatMap((digest) =>
    (index.object(digest)?.files ?? [])
      .filter(({ sha256 }) => sha256.startsWith(digits))
      .map(({ path, sha256 }) => ({ artifact: artifactId(digest), path, sha256 })),
  );
}

/** The artifact that a view shows now, which need not be the latest one; without an output, all of the stage. */
function viewSubjects(index: Index, stageId: string, output: string | undefined): string[] | undefined {
  const names = output === undefined ? Object.keys(index.latest(stageId)?.outputs ?? {}) : [output];
  const digests = names.map((name) => index.viewed(stageId, name)).filter((digest) => digest !== undefined);
  return digests.length === 0 ? undefined : digests.map(artifactId);
}

function unknown(index: Index, subject: string): never {
  const stages = [...new Set(index.executions().map(({ stageId }) => stageId))].sort();
  throw userError(
    "LINEAGE_UNKNOWN",
    `nothing finished is known as ${subject}`,
    stages.length === 0
      ? "nothing has run yet: npx pipeline run"
      : `stages with finished executions: ${stages.join(", ")}; or give a digest, a fingerprint, a path below artifacts/ or a copy of a file in it`,
  );
}

class Walk {
  readonly #index: Index;
  readonly #nodes = new Map<string, LineageNode>();
  readonly #edges = new Map<string, LineageEdge>();
  readonly #seen = { up: new Set<string>(), down: new Set<string>() };

  constructor(index: Index) {
    this.#index = index;
  }

  result(): Pick<LineageGraph, "nodes" | "edges"> {
    return { nodes: [...this.#nodes.values()], edges: [...this.#edges.values()] };
  }

  /** From an execution to what it read; from an artifact to what made it. */
  up(id: string): void {
    if (this.#seen.up.has(id)) return;
    this.#seen.up.add(id);
    const [type, key] = split(id);
    if (type === "artifact") {
      for (const fingerprint of this.#index.producers(key))
        this.#produced(fingerprint, (digest) => digest === key, "up");
      return;
    }
    const execution = this.#add(key);
    for (const [name, input] of Object.entries(execution?.inputs ?? {})) {
      this.#edge({ type: "consumed", from: artifactId(input.digest), to: id, name });
      // The producer it was read from, not every execution that ever gave the same bytes.
      this.#produced(input.producer, (digest) => digest === input.digest, "up");
    }
    if (execution?.extended !== undefined) {
      this.#extended(execution);
      this.up(executionId(execution.extended.fingerprint));
    }
  }

  /** From an execution to what it made; from an artifact to what read it. */
  down(id: string): void {
    if (this.#seen.down.has(id)) return;
    this.#seen.down.add(id);
    const [type, key] = split(id);
    if (type === "execution") {
      this.#produced(key, () => true, "down");
      for (const longer of this.#index.executions().filter(({ extended }) => extended?.fingerprint === key)) {
        this.#extended(longer);
        this.down(executionId(longer.fingerprint));
      }
      return;
    }
    // Its node comes with whoever made it.
    for (const fingerprint of this.#index.producers(key))
      this.#produced(fingerprint, (digest) => digest === key, undefined);
    for (const fingerprint of this.#index.consumers(key)) {
      const execution = this.#add(fingerprint);
      for (const [name, input] of Object.entries(execution?.inputs ?? {}))
        if (input.digest === key)
          this.#edge({ type: "consumed", from: id, to: executionId(fingerprint), name });
      this.down(executionId(fingerprint));
    }
  }

  #produced(
    fingerprint: string,
    wanted: (digest: string) => boolean,
    onward: "up" | "down" | undefined,
  ): void {
    const execution = this.#add(fingerprint);
    for (const [name, { digest, kind, sizeBytes, summary }] of Object.entries(execution?.outputs ?? {})) {
      if (!wanted(digest)) continue;
      const id = artifactId(digest);
      this.#nodes.set(id, { type: "artifact", id, digest, kind, sizeBytes, summary });
      this.#edge({ type: "produced", from: executionId(fingerprint), to: id, name });
      if (onward === "down") this.down(id);
    }
    if (onward === "up" && execution) this.up(executionId(fingerprint));
  }

  #extended({ fingerprint, extended }: ExecutionRecord): void {
    if (extended === undefined) return;
    this.#add(extended.fingerprint);
    this.#add(fingerprint);
    const [from, to] = [executionId(extended.fingerprint), executionId(fingerprint)];
    this.#edge({ type: "extended", from, to, name: `step ${extended.step}` });
  }

  #add(fingerprint: string): ExecutionRecord | undefined {
    const execution = this.#index.execution(fingerprint);
    if (execution === undefined) return undefined;
    const id = executionId(fingerprint);
    const { stageId, stageName, runId, startedAt, durationMs, params, evictedAt, acceptedFrom, origin } =
      execution;
    const { source, packages, environment, remarks } = execution;
    this.#nodes.set(id, {
      type: "execution",
      id,
      fingerprint,
      stageId,
      stageName,
      runId,
      startedAt,
      durationMs,
      params,
      sourceDigest: source.digest,
      packages,
      environment,
      ...(remarks ? { remarks } : {}),
      ...(evictedAt === undefined ? {} : { evictedAt }),
      ...(acceptedFrom === undefined ? {} : { acceptedFrom }),
      ...(origin ? { origin } : {}),
    });
    return execution;
  }

  #edge(edge: LineageEdge): void {
    this.#edges.set(`${edge.from} ${edge.to} ${edge.name}`, edge);
  }
}

function split(id: string): ["execution" | "artifact", string] {
  const [type, key = ""] = id.split(":");
  return [type === "artifact" ? "artifact" : "execution", key];
}
