/** What a session answers about runs that were. Plain data, like everything a session gives. Types only. */
import type { RunComparison } from "../lineage/compare-runs.ts";
import type { MetricsTable } from "../lineage/metrics.ts";
import type { RunRecord } from "../store/records.ts";

export type { FigureChange, OutputChange, RunComparison, StageComparison } from "../lineage/compare-runs.ts";
export type { MetricsColumn, MetricsRow, MetricsTable } from "../lineage/metrics.ts";

export interface RunsOptions {
  /** How many of the newest. Default: all. */
  readonly limit?: number | undefined;
}

export interface MetricsOptions {
  /** Only what the newest runs executed or had as hits. Default: every execution that the store knows. */
  readonly runs?: number | undefined;
  /** A column's key, `when`, `run`, `duration` or `stage`; `-` before it turns it round. Default `-when`. */
  readonly sort?: string | undefined;
}

/** Wherever a run is named: its id, the beginning of one, `latest` or `latest~N`. Throws `RUN_UNKNOWN`, `RUN_AMBIGUOUS`. */
export interface History {
  /** Finished runs, newest first. */
  runs(options?: RunsOptions): readonly RunRecord[];
  compare(old: string, current: string): RunComparison;
  /**
   * A table for each stage with its variants. `stages`: ids, ids without their variant, or stage names; none is
   * every stage that has figures. Throws `STAGE_UNKNOWN`, `METRIC_UNKNOWN`.
   */
  metrics(stages?: readonly string[], options?: MetricsOptions): readonly MetricsTable[];
}
