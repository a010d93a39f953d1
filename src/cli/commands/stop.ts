/** `pipeline stop`: asks a run of another process for checkpoints, and waits until it has ended. */
import { setTimeout as sleep } from "node:timers/promises";
import { userError } from "../../errors.ts";
import { errorCode } from "../../std/error-code.ts";
import { findRun } from "../../runner/find-run.ts";
import { followEvents } from "../../runner/follow-events.ts";
import { findLiveRun, liveRuns, type RunMark } from "../../runner/live-runs.ts";
import { thisProcess } from "../../std/process-identity.ts";
import { cacheDirectory } from "../background-run.ts";
import { note, print, printJson, type CliContext } from "../cli-context.ts";
import { exitCodes } from "../exit-code.ts";
import { requestOf } from "../request-of-run.ts";
import { createRunDisplay, plainDisplay, type RunDisplay } from "../run-view/run-display.ts";

export interface StopOptions {
  readonly now?: boolean;
  readonly json?: boolean;
}

/** One signal may swallow another that comes before it was handled. */
const repeatMs = 300;
/** A runner that has not ended its stages by then cannot. */
const patienceMs = 10_000;

export async function stopCommand(
  context: CliContext,
  name: string | undefined,
  { now = false, json = false }: StopOptions,
): Promise<number> {
  const cache = cacheDirectory(context.host);
  const mark = chooseRun(cache, name);
  const { runId } = mark;
  if (mark.process.host !== thisProcess().host)
    throw userError(
      "RUN_ELSEWHERE",
      `run ${runId} is alive on ${mark.process.host}, and this is ${thisProcess().host}`,
      `npx pipeline stop ${runId} there`,
    );
  const isAlive = (): boolean => findLiveRun(cache, runId) !== undefined;
  const request = requestOf(mark);
  // One document at the end says it all: the events are for attach --json.
  const display = json ? silent(plainDisplay(context, request)) : await createRunDisplay(context, request);
  const left = new AbortController();
  const leave = (): void => {
    left.abort();
  };
  process.on("SIGINT", leave);
  const signalled = signal(mark, now, isAlive);
  if (!json) note(context, stopText(mark, now));
  try {
    for await (const { events, fresh } of followEvents(cache, runId, {
      isOver: () => !isAlive(),
      signal: left.signal,
    }))
      for (const event of events) display.dispatch(event, !fresh);
    // It still closes its store.
    while (isAlive() && !left.signal.aborted) await sleep(repeatMs / 3);
    if (!left.signal.aborted) await signalled;
  } finally {
    process.off("SIGINT", leave);
    display.end({ summary: !json && !left.signal.aborted });
  }
  if (left.signal.aborted) {
    note(context, `run ${runId} is still stopping; npx pipeline stop ${runId} --now does not wait for it`);
    return exitCodes.interrupted;
  }
  const { finished, stages } = display.state();
  if (json) printJson(context, stopDocument(runId, finished?.status, stages));
  else if (finished === undefined) print(context, `run ${runId} has ended`);
  return exitCodes.ok;
}

/** Throws `NO_LIVE_RUN` and `AMBIGUOUS_RUN`: what is stopped must be named where it could be another. */
function chooseRun(cache: string, name: string | undefined): RunMark {
  const live = liveRuns(cache);
  const named = name === undefined ? undefined : findRun(cache, name);
  const [chosen, ...others] = named === undefined ? live : live.filter(({ runId }) => runId === named);
  if (chosen === undefined)
    throw userError(
      "NO_LIVE_RUN",
      named === undefined ? "no run of this project is alive" : `run ${named} is not alive`,
      named === undefined ? "npx pipeline status" : `npx pipeline attach ${named} shows what it came to`,
    );
  if (others.length > 0)
    throw userError(
      "AMBIGUOUS_RUN",
      `${live.length} runs are alive: ${live.map(({ runId }) => runId).join(", ")}`,
      `npx pipeline stop ${chosen.runId}`,
    );
  return chosen;
}

/** Once asks for checkpoints; twice kills the stages; a runner that cannot even do that is killed itself. */
async function signal({ process: runner }: RunMark, now: boolean, isAlive: () => boolean): Promise<void> {
  send(runner.pid, "SIGINT");
  if (!now) return;
  const begun = performance.now();
  while (isAlive()) {
    if (performance.now() - begun > patienceMs) send(runner.pid, "SIGKILL");
    else if (performance.now() - begun > repeatMs / 2) send(runner.pid, "SIGINT");
    await sleep(repeatMs);
  }
}

function send(pid: number, name: NodeJS.Signals): void {
  try {
    process.kill(pid, name);
  } catch (error) {
    // It ended by itself meanwhile.
    if (errorCode(error) !== "ESRCH") throw error;
  }
}

const stopText = ({ runId }: RunMark, now: boolean): string =>
  now
    ? `stopping run ${runId} at once`
    : `stopping run ${runId}: its stages write a checkpoint; Ctrl-C stops waiting, stop --now does not wait`;

const silent = ({ dispatch, ...display }: RunDisplay): RunDisplay => ({
  ...display,
  dispatch: (action) => {
    dispatch(action, true);
  },
});

function stopDocument(
  runId: string,
  status: "succeeded" | "failed" | "interrupted" | undefined,
  stages: ReturnType<RunDisplay["state"]>["stages"],
): object {
  return {
    runId,
    status: status ?? "killed",
    stages: stages.map(({ id, state, checkpointStep }) => ({
      id,
      state,
      ...(checkpointStep === undefined ? {} : { checkpointStep }),
    })),
  };
}
