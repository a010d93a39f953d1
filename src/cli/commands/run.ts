/** `pipeline run`: runs the session, shows its events, answers Ctrl-C. */
import { listenForInterrupts } from "../../runner/interrupts.ts";
import type { RunOptions, Selection } from "../../runner/session-types.ts";
import { backgroundHalf } from "../background-run.ts";
import type { CliContext, RecipeOptions } from "../cli-context.ts";
import { createRunDisplay, plainDisplay, type RunDisplay } from "../run-view/run-display.ts";
import { withSession } from "../with-session.ts";
import { planCommand } from "./plan.ts";

export interface RunCommandOptions extends RecipeOptions, Required<Selection> {
  readonly keepGoing?: boolean;
  readonly dryRun?: boolean;
  readonly detach?: boolean;
  readonly jobs?: number;
  readonly executor?: "local" | "slurm";
  readonly json?: boolean;
}

export async function runCommand(
  context: CliContext,
  targets: readonly string[],
  options: RunCommandOptions,
): Promise<number> {
  if (options.dryRun === true) return planCommand(context, targets, options);
  const half = backgroundHalf(context);
  if (half !== undefined) {
    stayAlive();
    const display = plainDisplay(half.context, { targets, ...options });
    return runHere(half.context, targets, options, () => display, half.runId);
  }
  if (options.detach === true) {
    const { detachRun } = await import("./detach.ts");
    return detachRun(context, options);
  }
  return runHere(context, targets, options, () => createRunDisplay(context, { targets, ...options }));
}

async function runHere(
  context: CliContext,
  targets: readonly string[],
  options: RunCommandOptions,
  makeDisplay: () => RunDisplay | Promise<RunDisplay>,
  runId?: string,
): Promise<number> {
  return withSession(context, options, async (session) => {
    const display = await makeDisplay();
    const interrupts = listenForInterrupts((which) => {
      display.dispatch({ type: "stopping", how: which === "first" ? "gracefully" : "now" });
    });
    try {
      const { exitCode } = await session.run(targets, {
        ...runOptions(options),
        ...(runId === undefined ? {} : { runId }),
        onEvent: display.dispatch,
        signal: interrupts.signal,
        killSignal: interrupts.killSignal,
      });
      return exitCode;
    } finally {
      interrupts.dispose();
      display.end();
    }
  });
}

function runOptions(options: RunCommandOptions): RunOptions {
  const { force, from, until, only, jobs, executor, keepGoing = false } = options;
  return {
    force,
    from,
    until,
    only,
    keepGoing,
    ...(jobs === undefined ? {} : { jobs }),
    ...(executor === undefined ? {} : { executor }),
  };
}

/** A run in the background outlives the terminal; one that is tied to its starter stops when that is gone. */
function stayAlive(): void {
  process.on("SIGHUP", () => undefined);
  if (!process.connected) return;
  process.once("disconnect", () => process.kill(process.pid, "SIGINT"));
  process.channel?.unref(); // to listen must not keep the process alive
}
