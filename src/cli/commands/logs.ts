/** `pipeline logs STAGE`: what an execution said, as the plain log of a run shows it; or the events themselves. */
import type { RunnerEvent } from "../../runner/event.ts";
import type { StageLog } from "../../runner/history-types.ts";
import { print, type CliContext, type RecipeOptions } from "../cli-context.ts";
import { exitCodes } from "../exit-code.ts";
import { createPlainRunLog } from "../run-view/plain-run-log.ts";
import { emptyRunView, reduceRunView } from "../run-view/run-view-state.ts";
import { withSession } from "../with-session.ts";

export interface LogsCommandOptions extends RecipeOptions {
  readonly run?: string;
  readonly follow?: boolean;
  /** Of what is there already, only the last ones. */
  readonly lines?: number;
  readonly json?: boolean;
}

export async function logsCommand(
  context: CliContext,
  stage: string,
  { run, follow = false, lines, json, ...recipe }: LogsCommandOptions,
): Promise<number> {
  await withSession(context, recipe, async ({ history }) => {
    const log = history.log(stage, run);
    const show = json === true ? (event: RunnerEvent) => [JSON.stringify(event)] : lineWriter(log);
    let isFirst = true;
    for await (const events of history.readLog(log, { follow })) {
      const shown = events.flatMap(show);
      const kept = isFirst && lines !== undefined ? (lines === 0 ? [] : shown.slice(-lines)) : shown;
      isFirst = false;
      for (const line of kept) print(context, line);
    }
  });
  return exitCodes.ok;
}

/** Times count from the start of the stage. */
function lineWriter({ stage, startedAt }: StageLog): (event: RunnerEvent) => readonly string[] {
  const plain = createPlainRunLog();
  let state = reduceRunView(emptyRunView, {
    type: "run-started",
    at: startedAt,
    ...{ runId: "", pipeline: "", config: "", targets: [] },
    stages: [{ id: stage, name: stage, decision: "run", reasons: [], fingerprint: null, needs: [] }],
  });
  return (event) => {
    state = reduceRunView(state, event);
    return plain.lines(event, state);
  };
}
