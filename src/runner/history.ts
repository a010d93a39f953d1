/** The session's answers about runs that were: finds the records, and leaves comparing them to src/lineage. */
import { userError } from "../errors.ts";
import { compareRuns } from "../lineage/compare-runs.ts";
import { figuresOf } from "../lineage/figures.ts";
import { tabulate, type MetricsTable, type Served } from "../lineage/metrics.ts";
import { selectRun } from "../lineage/select-run.ts";
import { nearest } from "../std/nearest.ts";
import { isVariantOf, readVariant } from "../std/variant-id.ts";
import type { RunRecord } from "../store/records.ts";
import type { IndexReads } from "../store/store.ts";
import type { History, MetricsOptions } from "./history-types.ts";
import { killedRuns } from "./killed-runs.ts";
import { newestRuns } from "./newest-runs.ts";
import type { OpenProject } from "./open-project.ts";
import { findLog, readLog } from "./stage-log.ts";
import { whyRan } from "./why-ran.ts";

export function openHistory(project: OpenProject): History {
  const { store } = project;
  return {
    runs: ({ limit } = {}) => newestRuns(store).slice(0, limit),
    killed: ({ limit } = {}) =>
      killedRuns(store.directory, new Set(store.runs().map(({ runId }) => runId)))
        .slice(0, limit)
        .map(({ runId, config, targets, since }) => ({ runId, config, targets, startedAt: since })),
    compare(old, current) {
      const runs = newestRuns(store);
      return compareRuns(findRun(runs, old), findRun(runs, current), (fingerprint) =>
        store.execution(fingerprint),
      );
    },
    metrics: (stages = [], options = {}) => metricsOf(store, stages, options),
    log: (stage, run) => findLog(store, stage, run),
    readLog: (log, options = {}) => readLog(store, log, options),
    why: (stage, run) => whyRan(project, stage, run),
  };
}

export function findRun(runs: readonly RunRecord[], selector: string): RunRecord {
  const id = selectRun(
    runs.map(({ runId }) => runId),
    selector,
  );
  const found = runs.find(({ runId }) => runId === id);
  if (found === undefined) throw new Error(`run ${id} was selected and is not there`);
  return found;
}

function metricsOf(
  store: IndexReads,
  stages: readonly string[],
  { runs, sort }: MetricsOptions,
): MetricsTable[] {
  const served = servedBy(store, runs);
  const wanted =
    stages.length === 0 ? served.filter(({ execution }) => figuresOf(execution).length > 0) : undefined;
  return tabulate(wanted ?? unique(stages.flatMap((name) => servedAs(served, name))), sort);
}

/** Every execution once for each stage id that it served. `newest`: in the newest runs only. */
function servedBy(store: IndexReads, newest: number | undefined): Served[] {
  const served = new Map<string, Served>();
  const add = (stage: string, fingerprint: string | null): void => {
    const execution = fingerprint === null ? undefined : store.execution(fingerprint);
    if (execution) served.set(`${stage} ${execution.fingerprint}`, { stage, execution });
  };
  for (const { stages } of newestRuns(store).slice(0, newest))
    for (const [id, { outcome, fingerprint }] of Object.entries(stages))
      if (outcome === "hit" || outcome === "executed") add(id, fingerprint);
  // A runner that was killed left executions and no record of its run.
  if (newest === undefined)
    for (const { stageId, fingerprint } of store.executions()) add(stageId, fingerprint);
  return [...served.values()];
}

function servedAs(served: readonly Served[], name: string): Served[] {
  const exact = served.filter(({ stage }) => stage === name);
  if (exact.length > 0) return exact;
  const found = served.filter(
    ({ stage, execution }) =>
      readVariant(stage).base === name || isVariantOf(stage, name) || execution.stageName === name,
  );
  if (found.length > 0) return found;
  const known = [...new Set(served.flatMap(({ stage }) => [stage, readVariant(stage).base]))];
  const near = nearest(name, known);
  throw userError(
    "STAGE_UNKNOWN",
    `no finished execution of ${name} is known${known.length === 0 ? "" : `; there are: ${known.join(", ")}`}`,
    near === undefined ? `npx pipeline run ${name}` : `did you mean ${near}?`,
  );
}

const unique = <T>(items: readonly T[]): T[] => [...new Set(items)];
