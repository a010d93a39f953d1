/** Types of `import { run, plan, … } from "minilm-pipeline"`. */
import type { LineageGraph } from "../src/lineage/lineage-graph.ts";
import type { Plan } from "../src/runner/plan-types.ts";
import type {
  CheckOptions,
  CheckReport,
  GraphReport,
  LineageOptions,
  PlanOptions,
  RunOptions,
  RunSummary,
  Session,
  StatusReport,
  WhyReport,
} from "../src/runner/session-types.ts";

export type { LineageGraph, LineageNode } from "../src/lineage/lineage-graph.ts";
export type { RunnerEvent } from "../src/runner/event.ts";
export type { Plan, PlannedStage, Reason } from "../src/runner/plan-types.ts";
export type * from "../src/runner/session-types.ts";

/** Which project, with which recipe. */
export interface ProjectOptions {
  /** Holds pipeline.ts and stages/. Default: the nearest such folder upwards from the working directory. */
  readonly projectRoot?: string | undefined;
  /** A recipe's file, relative to the project or absolute. Default: the pipeline's own. */
  readonly config?: string | undefined;
  /** Overrides such as `pretrain.steps=400`; later ones win. */
  readonly set?: readonly string[] | undefined;
  /** The environment of stage processes. Default: this process's. */
  readonly env?: Readonly<Record<string, string | undefined>> | undefined;
}

export interface TargetOptions {
  /** Stage ids, stage names or names of pipeline outputs; none = everything. */
  readonly targets?: readonly string[] | undefined;
}

/** Compiles what changed and opens the project, for several questions. Close the session when done. */
export function openSession(options?: ProjectOptions): Promise<Session>;

/** `pipeline run`. How stages end is in the summary; it throws where nothing could be started. */
export function run(options?: ProjectOptions & TargetOptions & RunOptions): Promise<RunSummary>;

/** `pipeline plan`: what `run` would do, and why. Writes nothing. */
export function plan(options?: ProjectOptions & TargetOptions & PlanOptions): Promise<Plan>;

/** `pipeline status`. */
export function status(options?: ProjectOptions): Promise<StatusReport>;

/** `pipeline why STAGE`. */
export function why(stage: string, options?: ProjectOptions): Promise<WhyReport>;

/** `pipeline lineage WHAT`: a stage, a path below artifacts/, or a digest. */
export function lineage(subject: string, options?: ProjectOptions & LineageOptions): Promise<LineageGraph>;

/** `pipeline graph`. */
export function graph(options?: ProjectOptions): Promise<GraphReport>;

/** `pipeline check`. */
export function check(options?: ProjectOptions & CheckOptions): Promise<CheckReport>;

/** What every function here rejects with where the project or the world is at fault. */
export interface PipelineError extends Error {
  readonly name: "PipelineError";
  /** Stable, e.g. `UNKNOWN_TARGET`. */
  readonly code: string;
  /** What to do. */
  readonly hint: string | undefined;
  /** `user`: something was written that cannot work; `failure`: the world failed. */
  readonly kind: "user" | "failure";
}

export function isPipelineError(error: unknown): error is PipelineError;
