/** Where a run leaves what other processes read of it, below the cache directory. */
import { join } from "node:path";

/** The folder of its stages' logs, its events and its mark once it has ended. */
export const runDirectory = (cacheDirectory: string, runId: string): string =>
  join(cacheDirectory, "logs", runId);

/** All events of the run, as JSON lines. */
export const eventsFile = (cacheDirectory: string, runId: string): string =>
  join(runDirectory(cacheDirectory, runId), "events.jsonl");

/** Logs of its stages, in a folder where a stage may have any id: `events` is one. */
export const stageLogsDirectory = (cacheDirectory: string, runId: string): string =>
  join(runDirectory(cacheDirectory, runId), "stages");

export const stageLogName = (stageId: string): string => `${stageId}.jsonl`;

/** The same as execution records name it: relative to the project. */
export const stageLogPath = (runId: string, stageId: string): string =>
  `cache/logs/${runId}/stages/${stageLogName(stageId)}`;

/** What the process of a run in the background wrote to its standard output and error. */
export const outputFile = (cacheDirectory: string, runId: string): string =>
  join(runDirectory(cacheDirectory, runId), "output.log");

/** Marks of the runs that are alive, and of those that died before they could take theirs away. */
export const liveDirectory = (cacheDirectory: string): string => join(cacheDirectory, "live");

/** The mark of a run that has ended. */
export const endedMarkFile = (cacheDirectory: string, runId: string): string =>
  join(runDirectory(cacheDirectory, runId), "run.json");
