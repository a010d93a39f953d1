/** `pipeline plan` and `run --dry-run`: what would run, and why. */
import type { Selection } from "../../runner/session-types.ts";
import { print, printJson, type CliContext, type RecipeOptions } from "../cli-context.ts";
import { exitCodes } from "../exit-code.ts";
import { planText } from "../text/plan-text.ts";
import { withSession } from "../with-session.ts";

export interface PlanCommandOptions extends RecipeOptions, Required<Selection> {
  readonly json?: boolean;
}

export async function planCommand(
  context: CliContext,
  targets: readonly string[],
  { json, ...options }: PlanCommandOptions,
): Promise<number> {
  const plan = await withSession(context, options, (session) => session.plan(targets, options));
  if (json === true) printJson(context, plan);
  else print(context, planText(plan, context.paint));
  return exitCodes.ok;
}
