/**
 * The logs of a stage's executions, cache/logs/<run>/stages/<stage>.jsonl: finished, failed, interrupted, killed or
 * still being written. A log is there from the moment a stage starts; a record of the execution only if it finished.
 */
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { userError } from "../errors.ts";
import { byCodeUnit } from "../hashing/canonical.ts";
import { selectRun } from "../lineage/select-run.ts";
import { namesInNow } from "../std/names-in.ts";
import { nearest } from "../std/nearest.ts";
import type { Store } from "../store/store.ts";
import type { RunnerEvent } from "./event.ts";
import { EventReader } from "./event-reader.ts";
import type { ReadLogOptions, StageLog } from "./history-types.ts";
import { findLiveRun, knownRuns } from "./live-runs.ts";
import { newestRuns } from "./newest-runs.ts";
import { stageLogName, stageLogsDirectory } from "./run-files.ts";

type Started = Extract<RunnerEvent, { type: "stage-started" }>;

const POLL_MS = 100;

/** The newest log of the stage, or its log in one run. Throws `LOG_UNKNOWN`, `UNKNOWN_RUN`, `AMBIGUOUS_RUN`. */
export function findLog(store: Store, stage: string, run: string | undefined): StageLog {
  const runs = allRuns(store);
  if (run !== undefined) {
    const runId = selectRun(runs, run);
    return logIn(store, stage, runId) ?? unknownLog(store, stage, runId);
  }
  for (const runId of runs) {
    const log = logIn(store, stage, runId);
    if (log) return log;
  }
  // A stage may be a hit on what another one with the same recipe made.
  const maker = store.latest(stage);
  return (maker && logIn(store, maker.stageId, maker.runId)) ?? unknownLog(store, stage, undefined);
}

/** Runs that have ended, that go on and that were killed, newest first. */
export function allRuns(store: Store): string[] {
  const recorded = newestRuns(store).map(({ runId }) => runId);
  const known = new Set(recorded);
  const others = knownRuns(store.directory).filter((runId) => !known.has(runId));
  // Ids sort by the second; within one, the order of the records stands.
  return [...others, ...recorded].sort((a, b) => byCodeUnit(secondOf(b), secondOf(a)));
}

const secondOf = (runId: string): string => runId.split("-")[0] ?? "";

/** Undefined where the stage was not started in that run, or the log was removed. */
export function logIn(store: Store, stage: string, runId: string): StageLog | undefined {
  const directory = stageLogsDirectory(store.directory, runId);
  const name = stageLogName(stage);
  // The name comes from outside: only what a listing shows is opened.
  if (!namesInNow(directory).includes(name)) return undefined;
  const path = join(directory, name);
  const started = startOf(path, stage);
  if (started === undefined) return undefined;
  const { at, fingerprint, reasons, resumeStep } = started;
  return {
    ...{ stage, runId, path, fingerprint, reasons, startedAt: at },
    ...(resumeStep === undefined ? {} : { resumeStep }),
  };
}

/** The first event of a log says which execution it is of; undefined where it is no log of the stage. */
function startOf(path: string, stage: string): Started | undefined {
  const reader = new EventReader(path);
  try {
    const first = reader.read()?.[0];
    return first?.type === "stage-started" && first.stage === stage ? first : undefined;
  } finally {
    reader.close();
  }
}

/** Batches of events; the first holds what is there already. `follow`: until the execution ends. */
export async function* readLog(
  store: Store,
  log: StageLog,
  { follow = false, signal }: ReadLogOptions,
): AsyncGenerator<readonly RunnerEvent[]> {
  const reader = new EventReader(log.path);
  try {
    for (let isFirst = true; signal?.aborted !== true; isFirst = false) {
      // Asked first: what its runner wrote before it ended, or was killed, is still read.
      const isLive = findLiveRun(store.directory, log.runId) !== undefined;
      const events: RunnerEvent[] = [];
      for (let more = reader.read(); more !== undefined; more = reader.read()) events.push(...more);
      if (isFirst || events.length > 0) yield events;
      if (!follow || !isLive || events.some(isEnd)) return;
      await sleep(POLL_MS);
    }
  } finally {
    reader.close();
  }
}

const isEnd = ({ type }: RunnerEvent): boolean =>
  type === "stage-finished" || type === "stage-failed" || type === "stage-interrupted";

function unknownLog(store: Store, stage: string, runId: string | undefined): never {
  const record =
    runId === undefined ? undefined : store.runs().find((each) => each.runId === runId)?.stages[stage];
  if (record?.outcome === "hit") {
    const maker = record.fingerprint === null ? undefined : store.execution(record.fingerprint);
    throw userError(
      "LOG_UNKNOWN",
      `${stage} was a hit in run ${runId ?? ""}: nothing ran`,
      maker && `npx pipeline logs ${maker.stageId} --run ${maker.runId} is the run that made it`,
    );
  }
  const where = runId === undefined ? "" : ` in run ${runId}`;
  const known = [...new Set(store.runs().flatMap(({ stages }) => Object.keys(stages)))];
  const isKnown = known.includes(stage);
  const near = isKnown ? undefined : nearest(stage, known);
  throw userError(
    "LOG_UNKNOWN",
    `there is no log of ${stage}${where}${record === undefined ? "" : `: it was ${record.outcome}`}`,
    near !== undefined
      ? `did you mean ${near}?`
      : isKnown
        ? `npx pipeline run ${stage}`
        : "npx pipeline graph shows the stages",
  );
}
