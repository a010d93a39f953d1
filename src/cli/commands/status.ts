/** `pipeline status`. */
import { print, printJson, type CliContext, type RecipeOptions } from "../cli-context.ts";
import { exitCodes } from "../exit-code.ts";
import { statusText } from "../text/status-text.ts";
import { withSession } from "../with-session.ts";

export async function statusCommand(
  context: CliContext,
  { json, ...recipe }: RecipeOptions & { readonly json?: boolean },
): Promise<number> {
  const report = await withSession(context, recipe, (session) => session.status());
  if (json === true) printJson(context, report);
  else print(context, statusText(report, Date.now(), context.paint));
  return exitCodes.ok;
}
