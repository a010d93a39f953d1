/**
 * The runs of a project that are alive, so that other processes can see, follow and stop them. Each has a mark with
 * the identity of its runner's process: the mark of a dead one counts for nothing.
 */
import { mkdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { errorCode } from "../std/error-code.ts";
import { namesInNow } from "../std/names-in.ts";
import { isAlive, thisProcess, type ProcessIdentity } from "../std/process-identity.ts";
import { endedMarkFile, liveDirectory, runDirectory } from "./run-files.ts";
import { isRunId } from "./run-id.ts";

/** What a run is about, as it was asked for. */
export interface RunRequestMark {
  readonly runId: string;
  readonly pipeline: string;
  readonly targets: readonly string[];
  /** The recipe's file, relative to the project. */
  readonly config: string;
  /** Whether the recipe was named, or is the pipeline's default. */
  readonly configNamed: boolean;
  readonly set: readonly string[];
  readonly until: readonly string[];
  readonly only: readonly string[];
  readonly keepGoing: boolean;
}

export interface RunMark extends RunRequestMark {
  readonly process: ProcessIdentity;
  /** ISO 8601. */
  readonly since: string;
}

const markFile = (cacheDirectory: string, runId: string): string =>
  join(liveDirectory(cacheDirectory), `${runId}.json`);

/** Marks a run of this process as alive; the answer takes the mark away. */
export function markLive(cacheDirectory: string, request: RunRequestMark): () => void {
  mkdirSync(liveDirectory(cacheDirectory), { recursive: true });
  for (const runId of markedRuns(cacheDirectory))
    if (findLiveRun(cacheDirectory, runId) === undefined) retire(cacheDirectory, runId);
  const mark: RunMark = { ...request, process: thisProcess(), since: new Date().toISOString() };
  const file = markFile(cacheDirectory, request.runId);
  writeFileSync(`${file}.next`, JSON.stringify(mark));
  renameSync(`${file}.next`, file);
  return () => retire(cacheDirectory, request.runId);
}

/** Moves the mark to the logs of its run, where it tells what the run was about. */
function retire(cacheDirectory: string, runId: string): void {
  try {
    mkdirSync(runDirectory(cacheDirectory, runId), { recursive: true });
    renameSync(markFile(cacheDirectory, runId), endedMarkFile(cacheDirectory, runId));
  } catch (error) {
    // Two runners may find the same dead one.
    if (errorCode(error) !== "ENOENT") throw error;
  }
}

/** The newest first. Writes nothing. */
export function liveRuns(cacheDirectory: string): readonly RunMark[] {
  return markedRuns(cacheDirectory)
    .flatMap((runId) => findLiveRun(cacheDirectory, runId) ?? [])
    .sort((a, b) => (a.since < b.since ? 1 : -1));
}

export function findLiveRun(cacheDirectory: string, runId: string): RunMark | undefined {
  const mark = readMark(markFile(cacheDirectory, runId));
  return mark !== undefined && isAlive(mark.process) ? mark : undefined;
}

/** Retires the marks of a machine that is dead: whether a run of another machine lives, nobody can see from here. */
export function retireRunsOf(cacheDirectory: string, host: string): void {
  for (const { runId, process } of liveRuns(cacheDirectory))
    if (process.host === host) retire(cacheDirectory, runId);
}

/** The mark of a run, alive or not; undefined where it left none. */
export function findRunMark(cacheDirectory: string, runId: string): RunMark | undefined {
  return readMark(markFile(cacheDirectory, runId)) ?? readMark(endedMarkFile(cacheDirectory, runId));
}

function markedRuns(cacheDirectory: string): readonly string[] {
  return namesInNow(liveDirectory(cacheDirectory))
    .filter((name) => name.endsWith(".json"))
    .map((name) => name.slice(0, -".json".length))
    .filter(isRunId);
}

/** Every run of which something is left, in order of time. */
export const knownRuns = (cacheDirectory: string): readonly string[] =>
  [
    ...new Set([...namesInNow(join(cacheDirectory, "logs")).filter(isRunId), ...markedRuns(cacheDirectory)]),
  ].sort();

function readMark(file: string): RunMark | undefined {
  try {
    return JSON.parse(readFileSync(file, "utf8")) as RunMark;
  } catch {
    return undefined; // taken away, or never written
  }
}
