/** Which finished executions a run or targets mean when they are exported. */
import { userError } from "../errors.ts";
import type { RunRecord } from "../store/records.ts";
import { findRun } from "./history.ts";
import { newestRuns } from "./newest-runs.ts";
import type { OpenProject } from "./open-project.ts";
import { selectStages } from "./selection.ts";

export interface FinishedSelection {
  /** What an archive of it is called. */
  readonly name: string;
  readonly run?: RunRecord;
  /** Everything that is meant, without what it was made from. */
  readonly fingerprints: readonly string[];
  /** Fingerprints whose files go along even where those of upstreams are left out. */
  readonly subjects: ReadonlySet<string>;
}

/** A run id or its beginning, or the latest ones. */
const RUN_SELECTOR = /^(?:\d{8}T|latest(?:~\d+)?$)/;

/** Throws `NOTHING_TO_EXPORT`, `UNKNOWN_RUN`, `AMBIGUOUS_RUN` and `UNKNOWN_TARGET`. */
export function selectFinished(project: OpenProject, what: readonly string[]): FinishedSelection {
  const runs = newestRuns(project.store);
  const [first] = what;
  if (first === undefined) {
    const latest = runs.find(({ status, origin }) => status === "succeeded" && origin === undefined);
    if (latest === undefined)
      throw userError("NOTHING_TO_EXPORT", "no run of this project has succeeded yet", "npx pipeline run");
    return ofRun(project, latest);
  }
  const namesRun = what.length === 1 && RUN_SELECTOR.test(first);
  return namesRun ? ofRun(project, findRun(runs, first)) : ofTargets(project, what);
}

/** The subjects of a run are what nothing else in it was made from. */
function ofRun({ store }: OpenProject, run: RunRecord): FinishedSelection {
  const fingerprints = Object.values(run.stages)
    .filter(({ outcome }) => outcome === "hit" || outcome === "executed")
    .flatMap(({ fingerprint }) => fingerprint ?? []);
  if (fingerprints.length === 0)
    throw userError(
      "NOTHING_TO_EXPORT",
      `run ${run.runId} finished no stage`,
      "npx pipeline export-run without a run takes the latest that succeeded",
    );
  const upstream = new Set(
    fingerprints.flatMap((each) =>
      Object.values(store.execution(each)?.inputs ?? {}).map(({ producer }) => producer),
    ),
  );
  return {
    name: run.runId,
    run,
    fingerprints,
    subjects: new Set(fingerprints.filter((each) => !upstream.has(each))),
  };
}

function ofTargets(project: OpenProject, targets: readonly string[]): FinishedSelection {
  const { store, parts } = project;
  const finished = (ids: Iterable<string>): string[] =>
    [...ids].flatMap((id) => store.latest(id)?.fingerprint ?? []);
  const named = project.idsOf(targets);
  const unfinished = [...named].filter(
    (id) => store.latest(id)?.evictedAt !== undefined || store.latest(id) === undefined,
  );
  if (unfinished.length > 0)
    throw userError(
      "NOTHING_TO_EXPORT",
      `${unfinished.join(", ")} has no finished execution with its files`,
      `npx pipeline run ${unfinished.join(" ")}`,
    );
  return {
    name: targets.join("-").replaceAll(/[^\w.-]/g, "_"),
    fingerprints: finished(selectStages(parts.resolved, targets).ids),
    subjects: new Set(finished(named)),
  };
}
