/** Which run a person means: `latest`, `latest~2`, an id, or a beginning or an end of one that no other has. */
import { userError } from "../errors.ts";
import { nearest } from "../std/nearest.ts";

const SHORTEST = 4;

/** `ids`: newest first. Throws `UNKNOWN_RUN` and `AMBIGUOUS_RUN`. */
export function selectRun(ids: readonly string[], selector: string): string {
  if (ids.length === 0)
    throw userError("UNKNOWN_RUN", `there is no run ${selector}: nothing has run yet`, "npx pipeline run");
  const back = /^latest(?:~(\d+))?$/.exec(selector);
  if (back !== null) return ids[Number(back[1] ?? 0)] ?? unknown(ids, selector);
  if (ids.includes(selector)) return selector;
  const found =
    selector.length < SHORTEST ? [] : ids.filter((id) => id.startsWith(selector) || id.endsWith(selector));
  if (found.length > 1)
    throw userError(
      "AMBIGUOUS_RUN",
      `${selector} may be any of ${found.length} runs: ${found.slice(0, 5).join(", ")}${found.length > 5 ? ", …" : ""}`,
      "give more of the id, or latest, latest~1, …",
    );
  return found[0] ?? unknown(ids, selector);
}

function unknown(ids: readonly string[], selector: string): never {
  const near = nearest(selector, ids);
  const count = ids.length === 1 ? "one run is" : `${ids.length} runs are`;
  throw userError(
    "UNKNOWN_RUN",
    `there is no run ${selector}; ${count} known`,
    near === undefined
      ? "npx pipeline runs lists them"
      : `did you mean ${near}? npx pipeline runs lists them`,
  );
}
