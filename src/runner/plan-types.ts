/** What planning answers. A plan is data: made without writing anything, shared by run, plan, status and why. */
import type { Difference } from "../lineage/explain.ts";
import type { Json } from "../std/json.ts";
import type { ExtendedFrom } from "../store/records.ts";
import type { Prediction } from "./predict.ts";

/**
 * Why a stage is a hit or must run: a closed set. `field` names what differs (a param path, an input, a
 * source file, a package, an environment fact), with its old and new value where there are any.
 */
export type ReasonCode =
  | "cached"
  | "never-ran"
  | "param-changed"
  | "input-changed"
  | "source-changed"
  | "package-changed"
  | "environment-changed"
  | "format-changed"
  /** An input comes from a stage that will run; its digest is not known yet. */
  | "upstream-runs"
  /** Committed before, but its files are gone or have the wrong size. */
  | "artifact-missing"
  /** Committed before, and removed by `gc` to make room; `field` is when, ISO 8601. */
  | "evicted"
  | "forced"
  /** Interrupted before; a checkpoint of the same fingerprint exists. */
  | "checkpoint-found"
  /** A finished execution took the same first steps; this one goes on from its checkpoint. */
  | "extends-finished";

export interface Reason {
  readonly code: ReasonCode;
  readonly field?: string;
  readonly old?: Json;
  readonly new?: Json;
  /** The reason as a sentence, e.g. `param learningRate: 0.001 → 0.002`. */
  readonly message: string;
}

/** Work of the same stage that was stopped under another recipe, and that this plan does not go on from. */
export interface LeftCheckpoint {
  readonly fingerprint: string;
  readonly step: number;
  /** How many steps it would have been in all, where the stage said so. */
  readonly total?: number;
  /** The recipe's file that it was begun with. */
  readonly config: string;
  /** From that recipe to this one; empty where inputs that are not known yet decide. */
  readonly differences: readonly Difference[];
  /** What `--set` takes to go on from it; absent where settings alone do not bring it back. */
  readonly settings?: readonly string[];
  readonly message: string;
}

export interface PlannedStage {
  readonly id: string;
  readonly name: string;
  readonly decision: "hit" | "run" | "resume";
  readonly reasons: readonly Reason[];
  /** Hex sha256; null while an input's digest is not known yet. */
  readonly fingerprint: string | null;
  /** Ids of the stages whose outputs it reads. */
  readonly needs: readonly string[];
  /** Resume: the step of its newest checkpoint. */
  readonly resumeStep?: number;
  /** Resume: the finished execution whose checkpoint that is, where it is not an interrupted one's. */
  readonly extends?: ExtendedFrom;
  /** Resume: how many steps it will be in all, where the stage said so. */
  readonly resumeTotal?: number;
  /** Checkpoints of other recipes that are further than where it begins, the furthest first; absent where there are none. */
  readonly leaves?: readonly LeftCheckpoint[];
  /** What running it will take, by what it took before; absent for a hit and where nothing is known. */
  readonly predicted?: Prediction;
}

export interface Plan {
  readonly pipeline: string;
  readonly targets: readonly string[];
  /** In topological order. */
  readonly stages: readonly PlannedStage[];
}
