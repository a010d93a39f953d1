/** `pipeline attach`: shows a run that another process executes, from its beginning; the run does not notice. */
import { existsSync } from "node:fs";
import { userError } from "../../errors.ts";
import { findRun } from "../../runner/find-run.ts";
import { followEvents } from "../../runner/follow-events.ts";
import { findLiveRun, findRunMark, liveRuns } from "../../runner/live-runs.ts";
import { eventsFile } from "../../runner/run-files.ts";
import { cacheDirectory } from "../background-run.ts";
import { note, print, type CliContext } from "../cli-context.ts";
import { exitCodes } from "../exit-code.ts";
import { lastOutput } from "../last-output.ts";
import { requestOf } from "../request-of-run.ts";
import { runExitCode } from "../run-exit-code.ts";
import { createRunDisplay } from "../run-view/run-display.ts";

export interface AttachOptions {
  readonly json?: boolean;
}

export async function attachCommand(
  context: CliContext,
  name: string | undefined,
  { json }: AttachOptions,
): Promise<number> {
  const cache = cacheDirectory(context.host);
  const runId = name === undefined ? newestLive(cache) : findRun(cache, name);
  if (!existsSync(eventsFile(cache, runId)))
    throw userError("NO_EVENTS", `run ${runId} left no events to show`, "npx pipeline status");
  const wasLive = findLiveRun(cache, runId) !== undefined;
  const mark = findRunMark(cache, runId);
  const display = await createRunDisplay(context, { ...requestOf(mark), json });

  const detached = new AbortController();
  const detach = (): void => detached.abort();
  // Not once: what gives the terminal its cursor back ends the process where nobody else listens.
  process.on("SIGINT", detach);
  process.on("SIGTERM", detach);
  try {
    const isOver = (): boolean => findLiveRun(cache, runId) === undefined;
    for await (const { events } of followEvents(cache, runId, { isOver, signal: detached.signal }))
      // Of a run that is over, only what it came to is told.
      for (const event of events) display.dispatch(event, !wasLive);
  } finally {
    process.off("SIGINT", detach);
    process.off("SIGTERM", detach);
    display.end({ summary: !detached.signal.aborted });
  }
  if (detached.signal.aborted) {
    note(context, `detached; run ${runId} goes on`);
    note(context, `  npx pipeline attach ${runId}`);
    note(context, `  npx pipeline stop ${runId}`);
    return exitCodes.interrupted;
  }
  const { finished } = display.state();
  if (finished === undefined && json !== true)
    for (const line of lastOutput(context.host, runId)) print(context, line);
  return runExitCode(display.state());
}

/** Throws `NO_LIVE_RUN`. */
function newestLive(cache: string): string {
  const [newest] = liveRuns(cache);
  if (newest !== undefined) return newest.runId;
  throw userError(
    "NO_LIVE_RUN",
    "no run of this project is alive",
    "npx pipeline run --detach starts one; attach RUN shows an earlier one",
  );
}
