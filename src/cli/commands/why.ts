/** `pipeline why STAGE`: now, or in a run that was. */
import { print, printJson, type CliContext, type RecipeOptions } from "../cli-context.ts";
import { exitCodes } from "../exit-code.ts";
import { pastWhyText } from "../text/past-why-text.ts";
import { whyText } from "../text/why-text.ts";
import { withSession } from "../with-session.ts";

export interface WhyCommandOptions extends RecipeOptions {
  readonly run?: string;
  readonly json?: boolean;
}

export async function whyCommand(
  context: CliContext,
  stage: string,
  { run, json, ...recipe }: WhyCommandOptions,
): Promise<number> {
  const { report, text } = await withSession(context, recipe, async (session) => {
    if (run === undefined) {
      const now = await session.why(stage);
      return { report: now, text: () => whyText(now, Date.now(), context.paint) };
    }
    const past = session.history.why(stage, run);
    return { report: past, text: () => pastWhyText(past, Date.now(), context.paint) };
  });
  if (json === true) printJson(context, report);
  else print(context, text());
  return exitCodes.ok;
}
