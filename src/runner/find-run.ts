/** The run that a person means, among all of which something is left: also one that goes on or was killed. */
import { selectRun } from "../lineage/select-run.ts";
import { knownRuns } from "./live-runs.ts";

/** Throws `UNKNOWN_RUN` and `AMBIGUOUS_RUN`. */
export const findRun = (cacheDirectory: string, text: string): string =>
  selectRun([...knownRuns(cacheDirectory)].reverse(), text);
