/** What a lineage query answers: a graph of executions and artifacts, as data. */
import type { JsonObject } from "../std/json.ts";
import type { AcceptanceRecord, Origin } from "../store/records.ts";

export type LineageDirection = "up" | "down" | "both";

export type LineageNode =
  | {
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
      /** How it came here, where another machine made it. */
      readonly origin?: Origin;
      /** When its artifacts were removed to make room; ISO 8601. */
      readonly evictedAt?: string;
      /** Set where a person declared an earlier result to stand for it. */
      readonly acceptedFrom?: AcceptanceRecord;
    }
  | {
      readonly type: "artifact";
      /** `artifact:<digest>` */
      readonly id: string;
      readonly digest: string;
      readonly kind: string;
      readonly sizeBytes: number;
      readonly summary: JsonObject;
    };

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

export interface LineageGraph {
  /** Ids of the nodes that the query named. */
  readonly subjects: readonly string[];
  readonly nodes: readonly LineageNode[];
  readonly edges: readonly LineageEdge[];
}
