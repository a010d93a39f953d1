/** `pipeline why STAGE`. */
import { print, printJson, type CliContext, type RecipeOptions } from "../cli-context.ts";
import { exitCodes } from "../exit-code.ts";
import { whyText } from "../text/why-text.ts";
import { withSession } from "../with-session.ts";

export async function whyCommand(
  context: CliContext,
  stage: string,
  { json, ...recipe }: RecipeOptions & { readonly json?: boolean },
): Promise<number> {
  const report = await withSession(context, recipe, (session) => session.why(stage));
  if (json === true) printJson(context, report);
  else print(context, whyText(report, Date.now(), context.paint));
  return exitCodes.ok;
}
