/** How an execution came here from another machine, in words. */
import type { ExecutionSummary } from "../../runner/session-types.ts";

export function originText({ key, at, from, lineageOnly }: NonNullable<ExecutionSummary["origin"]>): string {
  const what = lineageOnly === true ? "came without its files" : "came";
  return `${what} from ${from} on ${at.slice(0, 10)}, signed by ${key}`;
}
