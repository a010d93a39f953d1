/** The run that a person means: by its whole id, or by a beginning or an end of it that no other has. */
import { userError } from "../errors.ts";
import { knownRuns } from "./live-runs.ts";

const shortest = 4;

/** Throws `UNKNOWN_RUN` and `AMBIGUOUS_RUN`. */
export function findRun(cacheDirectory: string, text: string): string {
  const runs = knownRuns(cacheDirectory);
  if (runs.includes(text)) return text;
  const meant =
    text.length < shortest ? [] : runs.filter((runId) => runId.startsWith(text) || runId.endsWith(text));
  const [only] = meant;
  if (only === undefined)
    throw userError(
      "UNKNOWN_RUN",
      `no run ${text} has left anything in cache/logs/${runs.length === 0 ? "" : `; the newest is ${runs.at(-1) ?? ""}`}`,
      "npx pipeline status",
    );
  if (meant.length > 1)
    throw userError(
      "AMBIGUOUS_RUN",
      `${text} may be ${meant.slice(-5).join(", ")}${meant.length > 5 ? " and others" : ""}`,
      "write more of its id",
    );
  return only;
}
