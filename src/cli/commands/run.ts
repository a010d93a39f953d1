/** `pipeline run`: runs the session, shows its events, answers Ctrl-C. */
import { listenForInterrupts } from "../../runner/interrupts.ts";
import type { RunnerEvent } from "../../runner/event.ts";
import type { RunOptions, Selection, Session } from "../../runner/session-types.ts";
import { columnsOf, note, print, printJson, type CliContext, type RecipeOptions } from "../cli-context.ts";
import { errorText } from "../error-text.ts";
import { createPlainRunLog } from "../run-view/plain-run-log.ts";
import { stoppingText } from "../run-view/render-run-view.ts";
import { runSummary } from "../run-view/run-summary.ts";
import {
  emptyRunView,
  reduceRunView,
  type RunViewAction,
  type RunViewState,
} from "../run-view/run-view-state.ts";
import { shellCommand } from "../shell-command.ts";
import { withSession } from "../with-session.ts";
import { planCommand } from "./plan.ts";

export interface RunCommandOptions extends RecipeOptions, Required<Selection> {
  readonly keepGoing?: boolean;
  readonly dryRun?: boolean;
  readonly jobs?: number;
  readonly json?: boolean;
}

/** How a run is shown: told every event, then ended. */
interface Display {
  readonly dispatch: (action: RunViewAction) => void;
  readonly end: (session: Session) => void;
}

export async function runCommand(
  context: CliContext,
  targets: readonly string[],
  options: RunCommandOptions,
): Promise<number> {
  if (options.dryRun === true) return planCommand(context, targets, options);
  return withSession(context, options, async (session) => {
    const display = await chooseDisplay(context, targets, options);
    const interrupts = listenForInterrupts((which) => {
      display.dispatch({ type: "stopping", how: which === "first" ? "gracefully" : "now" });
    });
    try {
      const { exitCode } = await session.run(targets, {
        ...runOptions(options),
        onEvent: display.dispatch,
        signal: interrupts.signal,
        killSignal: interrupts.killSignal,
      });
      return exitCode;
    } finally {
      interrupts.dispose();
      display.end(session);
    }
  });
}

function runOptions({ force, from, until, only, jobs, keepGoing = false }: RunCommandOptions): RunOptions {
  return { force, from, until, only, keepGoing, ...(jobs === undefined ? {} : { jobs }) };
}

async function chooseDisplay(
  context: CliContext,
  targets: readonly string[],
  options: RunCommandOptions,
): Promise<Display> {
  const { streams, env } = context;
  if (options.json === true) return jsonDisplay(context);
  const summary = (state: RunViewState, session: Session) => {
    if (state.startedAt !== undefined)
      print(context, `\n${summaryText(context, state, session, targets, options)}`);
  };
  if (streams.stdout.isTTY !== true || env["TERM"] === "dumb" || isTruthy(env["CI"]))
    return plainDisplay(context, summary);
  const { createLiveRunView } = await import("../run-view/live-run-view.ts");
  const view = createLiveRunView(streams.stdout, context.paint);
  return {
    dispatch: view.dispatch,
    end: (session) => {
      view.end();
      summary(view.state(), session);
    },
  };
}

/** Events on standard output; what a person must not miss also on standard error. */
function jsonDisplay(context: CliContext): Display {
  const { errorPaint: paint, verbose } = context;
  return {
    dispatch: (action) => {
      if (action.type === "stopping") {
        note(context, stoppingText[action.how]);
        return;
      }
      printJson(context, action);
      if (action.type === "warning")
        note(context, `${paint("yellow", "warning")} ${action.code}: ${action.message}`);
      if (action.type === "stage-failed")
        note(context, `${action.stage}: ${errorText(action.error, { paint, verbose })}`);
    },
    end: () => undefined,
  };
}

function plainDisplay(
  context: CliContext,
  summary: (state: RunViewState, session: Session) => void,
): Display {
  const log = createPlainRunLog();
  let state = emptyRunView;
  return {
    dispatch: (action) => {
      state = reduceRunView(state, action);
      if (action.type === "stopping") print(context, stoppingText[action.how]);
      else for (const line of log.lines(action satisfies RunnerEvent, state)) print(context, line);
    },
    end: (session) => summary(state, session),
  };
}

function summaryText(
  context: CliContext,
  state: RunViewState,
  session: Session,
  targets: readonly string[],
  { config, set, until, only, keepGoing }: RunCommandOptions,
): string {
  const recipe = [
    ...(config === undefined ? [] : ["--config", config]),
    ...set.flatMap((one) => ["--set", one]),
  ];
  // Without --force and --from: what they made is cached by now.
  const selected = [
    ...until.flatMap((stage) => ["--until", stage]),
    ...only.flatMap((stage) => ["--only", stage]),
    ...(keepGoing === true ? ["--keep-going"] : []),
  ];
  const pipeline = (...words: readonly string[]) => shellCommand(["npx", "pipeline", ...words, ...recipe]);
  const spoken = context.textGenerators.stageIds.some((id) => state.stages.some((stage) => stage.id === id));
  const last = state.stages.at(-1)?.id;
  return runSummary(state, {
    columns: columnsOf(context.streams.stdout),
    paint: context.paint,
    verbose: context.verbose,
    again: pipeline("run", ...targets, ...selected),
    next: [
      ...(spoken
        ? ([
            [pipeline("generate", "Once upon a time"), "let the model continue a text"],
            [pipeline("chat"), "talk to it"],
          ] as const)
        : []),
      ...(last === undefined ? [] : [[pipeline("lineage", last), "see where a result came from"] as const]),
    ],
  });
}

function isTruthy(value: string | undefined): boolean {
  return value !== undefined && value !== "" && value !== "0" && value !== "false";
}
