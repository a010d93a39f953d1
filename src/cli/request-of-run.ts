/** What a run was asked for, as the options of a command; nothing where it left no mark. */
import type { RunMark } from "../runner/live-runs.ts";
import type { RunDisplayRequest } from "./run-view/run-display.ts";

export function requestOf(mark: RunMark | undefined): RunDisplayRequest {
  if (mark === undefined) return { targets: [], set: [] };
  const { targets, config, configNamed, set, until, only, keepGoing } = mark;
  return { targets, set, until, only, keepGoing, ...(configNamed ? { config } : {}) };
}
