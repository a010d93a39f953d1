/** `pipeline runs`. */
import { columnsOf, print, printJson, type CliContext, type RecipeOptions } from "../cli-context.ts";
import { exitCodes } from "../exit-code.ts";
import { runsText } from "../text/runs-text.ts";
import { withSession } from "../with-session.ts";

export interface RunsCommandOptions extends RecipeOptions {
  readonly limit: number;
  readonly json?: boolean;
}

export async function runsCommand(
  context: CliContext,
  { limit, json, ...recipe }: RunsCommandOptions,
): Promise<number> {
  const { runs, killed } = await withSession(context, recipe, ({ history }) =>
    Promise.resolve({ runs: history.runs({ limit }), killed: history.killed({ limit }) }),
  );
  const columns = columnsOf(context.streams.stdout);
  if (json === true) printJson(context, { runs, killed });
  else
    print(context, runsText([...runs, ...killed], { limit, now: Date.now(), columns, paint: context.paint }));
  return exitCodes.ok;
}
