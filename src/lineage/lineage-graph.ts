/** What a lineage query answers: a graph of executions and artifacts, as data. */
import type { Json, JsonObject } from "../std/json.ts";
import type { AcceptanceRecord, Origin, Remark } from "../store/records.ts";

export type LineageDirection = "up" | "down" | "both";

export interface ExecutionNode {
  readonly type: "execution";
  /** `execution:<fingerprint>` */
  readonly id: string;
  readonly fingerprint: string;
  readonly stageId: string;
  readonly stageName: string;
  readonly runId: string;
  readonly startedAt: string;
  readonly durationMs: number;
  readonly params: JsonObject;
  readonly sourceDigest: string;
  readonly packages: Readonly<Record<string, string>>;
  readonly environment: Readonly<Record<string, Json>>;
  /** What the stage said of how its result came about; absent where it said nothing. */
  readonly remarks?: readonly Remark[];
  /** How it came here, where another machine made it. */
  readonly origin?: Origin;
  /** When its artifacts were removed to make room; ISO 8601. */
  readonly evictedAt?: string;
  /** Set where a person declared an earlier result to stand for it. */
  readonly acceptedFrom?: AcceptanceRecord;
}

export interface ArtifactNode {
  readonly type: "artifact";
  /** `artifact:<digest>` */
  readonly id: string;
  readonly digest: string;
  readonly kind: string;
  readonly sizeBytes: number;
  readonly summary: JsonObject;
}

export type LineageNode = ExecutionNode | ArtifactNode;

/**
 * `consumed`: artifact → execution that read it. `produced`: execution → artifact. `extended`: finished execution →
 * longer one that went on from its checkpoint.
 */
export interface LineageEdge {
  readonly type: "consumed" | "produced" | "extended";
  readonly from: string;
  readonly to: string;
  /** The input's or output's name; of `extended`, the step, e.g. `step 900`. */
  readonly name: string;
}

/** A file that the query named by its content. */
export interface MatchedFile {
  /** The node of an artifact that holds it. */
  readonly artifact: string;
  /** Within the artifact. */
  readonly path: string;
  readonly sha256: string;
}

export interface LineageGraph {
  /** Ids of the nodes that the query named. */
  readonly subjects: readonly string[];
  /** Where the query named a file: the artifacts that hold it. */
  readonly files?: readonly MatchedFile[];
  readonly nodes: readonly LineageNode[];
  readonly edges: readonly LineageEdge[];
}
