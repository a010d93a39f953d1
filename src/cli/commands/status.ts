/** `pipeline status`. */
import { liveRuns } from "../../runner/live-runs.ts";
import { cacheDirectory } from "../background-run.ts";
import { print, printJson, type CliContext, type RecipeOptions } from "../cli-context.ts";
import { exitCodes } from "../exit-code.ts";
import { liveRunsText } from "../text/live-runs-text.ts";
import { statusText } from "../text/status-text.ts";
import { withSession } from "../with-session.ts";

export async function statusCommand(
  context: CliContext,
  { json, ...recipe }: RecipeOptions & { readonly json?: boolean },
): Promise<number> {
  const report = await withSession(context, recipe, (session) => session.status());
  const runs = liveRuns(cacheDirectory(context.host));
  const now = Date.now();
  if (json === true) printJson(context, { ...report, liveRuns: runs });
  else print(context, `${liveRunsText(runs, now, context.paint)}${statusText(report, now, context.paint)}`);
  return exitCodes.ok;
}
