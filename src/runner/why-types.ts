/** What `why` answers beside a stage's own reasons, about now and about a run that was. Types only. */
import type { RunStageRecord } from "../store/records.ts";
import type { ExecutionSummary } from "./session-types.ts";
import type { Reason } from "./plan-types.ts";

/** A stage above the one in question that runs, or ran, and why. */
export interface UpstreamRun {
  readonly id: string;
  readonly reasons: readonly Reason[];
  /** Input name → the stage that it comes from. */
  readonly inputs: Readonly<Record<string, string>>;
}

/** Of what a fingerprint is made of, how many there are of each. */
export interface ComparedParts {
  readonly params: number;
  readonly inputs: number;
  readonly sourceFiles: number;
  readonly packages: number;
  readonly environment: number;
}

/** Why a stage did in a run what it did. */
export interface PastWhyReport {
  readonly id: string;
  readonly runId: string;
  readonly startedAt: string;
  /** `running` and `killed`: the run left no record, or none yet; what the stage came to is not known. */
  readonly outcome: RunStageRecord["outcome"] | "running" | "killed";
  readonly fingerprint: string | null;
  /** As the run's log has them; empty for a stage that was not started. */
  readonly reasons: readonly Reason[];
  readonly resumeStep?: number;
  /** False where the stage ran and its log is gone. */
  readonly known: boolean;
  /** For a hit: the execution that it stood on. Otherwise the one that came of it. */
  readonly execution?: Pick<ExecutionSummary, "runId" | "startedAt" | "durationMs">;
  readonly inputs: UpstreamRun["inputs"];
  /** The stages above it that ran in this run too, in the run's order. */
  readonly upstream: readonly UpstreamRun[];
}
