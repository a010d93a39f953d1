/** `pipeline diff RUN RUN`. */
import { print, printJson, type CliContext, type RecipeOptions } from "../cli-context.ts";
import { exitCodes } from "../exit-code.ts";
import { diffText } from "../text/diff-text.ts";
import { withSession } from "../with-session.ts";

export async function diffCommand(
  context: CliContext,
  old: string,
  current: string,
  { json, ...recipe }: RecipeOptions & { readonly json?: boolean },
): Promise<number> {
  const comparison = await withSession(context, recipe, ({ history }) =>
    Promise.resolve(history.compare(old, current)),
  );
  if (json === true) printJson(context, comparison);
  else print(context, diffText(comparison, Date.now(), context.paint));
  return exitCodes.ok;
}
