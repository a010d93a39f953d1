/** Runs whose runner died (kill -9, power): no record says how they ended, but the mark that each leaves says what it was about. */
import { keptEvents } from "./follow-events.ts";
import { findLiveRun, findRunMark, knownRuns, type RunMark } from "./live-runs.ts";

/**
 * The newest first. `recorded`: ids of the runs that ended. A run that wrote its end down is none of these, though its record is
 * gone with a damaged index; nor is one of another machine, of which nobody can say here whether it lives.
 */
export const killedRuns = (cacheDirectory: string, recorded: ReadonlySet<string>): readonly RunMark[] =>
  knownRuns(cacheDirectory)
    .filter((runId) => !recorded.has(runId) && findLiveRun(cacheDirectory, runId) === undefined)
    .filter((runId) => !hasFinished(cacheDirectory, runId))
    .flatMap((runId) => findRunMark(cacheDirectory, runId) ?? [])
    .sort((a, b) => (a.since < b.since ? 1 : -1));

function hasFinished(cacheDirectory: string, runId: string): boolean {
  for (const { type } of keptEvents(cacheDirectory, runId)) if (type === "run-finished") return true;
  return false;
}
