/** Why a stage did in a past run what it did: from the run's record, and from the logs that its stages left. */
import { userError } from "../errors.ts";
import { selectRun } from "../lineage/select-run.ts";
import { nearest } from "../std/nearest.ts";
import type { RunRecord } from "../store/records.ts";
import { findLiveRun } from "./live-runs.ts";
import type { OpenProject } from "./open-project.ts";
import { allRuns, logIn } from "./stage-log.ts";
import type { PastWhyReport, UpstreamRun } from "./why-types.ts";

/** Throws `UNKNOWN_RUN`, `AMBIGUOUS_RUN`, `STAGE_NOT_IN_RUN`. */
export function whyRan(project: OpenProject, stage: string, run: string): PastWhyReport {
  const { store } = project;
  const runId = selectRun(allRuns(store), run);
  const record = store.runs().find((each) => each.runId === runId);
  const own = record?.stages[stage];
  const log = logIn(store, stage, runId);
  if (own === undefined && log === undefined) throw notInRun(stage, runId, record);
  const fingerprint = own?.fingerprint ?? log?.fingerprint ?? null;
  const outcome = own?.outcome ?? (findLiveRun(store.directory, runId) ? "running" : "killed");
  const finished = outcome === "hit" || outcome === "executed";
  const execution = finished && fingerprint !== null ? store.execution(fingerprint) : undefined;
  const inputs = inputsOf(project, stage, fingerprint);
  return {
    id: stage,
    runId,
    startedAt: record?.startedAt ?? log?.startedAt ?? "",
    outcome,
    fingerprint,
    reasons: log?.reasons ?? [],
    ...(log?.resumeStep === undefined ? {} : { resumeStep: log.resumeStep }),
    known: log !== undefined || outcome === "hit" || outcome === "skipped",
    ...(execution
      ? {
          execution: {
            runId: execution.runId,
            startedAt: execution.startedAt,
            durationMs: execution.durationMs,
          },
        }
      : {}),
    inputs,
    upstream: startedAbove(project, Object.values(inputs), runId),
  };
}

/** Stages that were started in the same run, from `needs` upwards. */
function startedAbove(project: OpenProject, needs: readonly string[], runId: string): UpstreamRun[] {
  const found: UpstreamRun[] = [];
  // A set that grows while it is walked: what was added is walked too.
  const above = new Set(needs);
  for (const id of above) {
    const log = logIn(project.store, id, runId);
    if (log === undefined) continue;
    const inputs = inputsOf(project, id, log.fingerprint);
    for (const need of Object.values(inputs)) above.add(need);
    found.push({ id, reasons: log.reasons, inputs });
  }
  return found.reverse();
}

/** As the execution has them; of one that did not finish, as the pipeline is wired now. */
function inputsOf(
  { store, parts }: OpenProject,
  id: string,
  fingerprint: string | null,
): UpstreamRun["inputs"] {
  const recorded = fingerprint === null ? undefined : store.execution(fingerprint)?.inputs;
  const wired = parts.resolved.stages.find((stage) => stage.id === id)?.inputs;
  const entries = Object.entries(recorded ?? wired ?? {});
  return Object.fromEntries(entries.map(([name, { stageId }]) => [name, stageId]));
}

function notInRun(stage: string, runId: string, record: RunRecord | undefined): Error {
  const stages = Object.keys(record?.stages ?? {});
  const near = nearest(stage, stages);
  return userError(
    "STAGE_NOT_IN_RUN",
    `${stage} was not part of run ${runId}${stages.length === 0 ? "" : `; there were: ${stages.join(", ")}`}`,
    near === undefined ? "npx pipeline runs lists the runs with their targets" : `did you mean ${near}?`,
  );
}
