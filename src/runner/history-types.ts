/** What a session answers about runs that were. Plain data, like everything a session gives. Types only. */
import type { RunComparison } from "../lineage/compare-runs.ts";
import type { MetricsTable } from "../lineage/metrics.ts";
import type { RunRecord } from "../store/records.ts";
import type { RunnerEvent } from "./event.ts";
import type { Reason } from "./plan-types.ts";
import type { PastWhyReport } from "./why-types.ts";

export type { FigureChange, OutputChange, RunComparison, StageComparison } from "../lineage/compare-runs.ts";
export type { MetricsColumn, MetricsRow, MetricsTable } from "../lineage/metrics.ts";

export interface RunsOptions {
  /** How many of the newest. Default: all. */
  readonly limit?: number | undefined;
}

export interface KilledRun {
  readonly runId: string;
  /** The recipe's file, relative to the project. */
  readonly config: string;
  readonly targets: readonly string[];
  /** ISO 8601. */
  readonly startedAt: string;
}

export interface MetricsOptions {
  /** Only what the newest runs executed or had as hits. Default: every execution that the store knows. */
  readonly runs?: number | undefined;
  /** A column's key, `when`, `run`, `duration` or `stage`; `-` before it turns it round. Default `-when`. */
  readonly sort?: string | undefined;
}

/** The log of one execution; events from `stage-started` to how it ended, if it has. */
export interface StageLog {
  readonly stage: string;
  readonly runId: string;
  /** Absolute. */
  readonly path: string;
  readonly fingerprint: string;
  readonly startedAt: string;
  /** Why it ran, as the plan had it when it started. */
  readonly reasons: readonly Reason[];
  /** The checkpoint's step that it went on from. */
  readonly resumeStep?: number;
}

export interface ReadLogOptions {
  /** Go on until the execution has ended, also one of another runner. */
  readonly follow?: boolean;
  readonly signal?: AbortSignal;
}

/** Wherever a run is named: its id, the beginning of one, `latest` or `latest~N`. Throws `UNKNOWN_RUN`, `AMBIGUOUS_RUN`. */
export interface History {
  /** Finished runs, newest first. */
  runs(options?: RunsOptions): readonly RunRecord[];
  /** Runs of this project whose runner died before they ended, newest first; `limit` as for `runs`. */
  killed(options?: RunsOptions): readonly KilledRun[];
  compare(old: string, current: string): RunComparison;
  /**
   * A table for each stage with its variants. `stages`: ids, ids without their variant, or stage names; none is
   * every stage that has figures. Throws `STAGE_UNKNOWN`, `METRIC_UNKNOWN`.
   */
  metrics(stages?: readonly string[], options?: MetricsOptions): readonly MetricsTable[];
  /** The stage's newest log, or the one of a run: finished, failed, interrupted, killed or going on. Throws `LOG_UNKNOWN`. */
  log(stage: string, run?: string): StageLog;
  /** In batches; the first is what was there already. */
  readLog(log: StageLog, options?: ReadLogOptions): AsyncIterable<readonly RunnerEvent[]>;
  /** Why the stage did in that run what it did. Throws `STAGE_NOT_IN_RUN`. */
  why(stage: string, run: string): PastWhyReport;
}
