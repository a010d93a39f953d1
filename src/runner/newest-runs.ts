/** Records of runs in the order in which people ask for them. */
import type { RunRecord } from "../store/records.ts";
import type { IndexReads } from "../store/store.ts";

/** By the time they began: ids sort by the second only. */
export const newestRuns = (store: Pick<IndexReads, "runs">): RunRecord[] =>
  [...store.runs()].sort((a, b) => (a.startedAt < b.startedAt ? 1 : a.startedAt > b.startedAt ? -1 : 0));
