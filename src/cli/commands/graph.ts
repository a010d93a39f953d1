/** `pipeline graph`. */
import { print, printJson, type CliContext, type RecipeOptions } from "../cli-context.ts";
import { exitCodes } from "../exit-code.ts";
import { graphDot, graphMermaid, graphTree } from "../text/graph-text.ts";
import { withSession } from "../with-session.ts";

export interface GraphCommandOptions extends RecipeOptions {
  readonly mermaid?: boolean;
  readonly dot?: boolean;
  readonly json?: boolean;
}

export async function graphCommand(
  context: CliContext,
  { mermaid, dot, json, ...recipe }: GraphCommandOptions,
): Promise<number> {
  const report = await withSession(context, recipe, (session) => Promise.resolve(session.graph()));
  if (json === true) printJson(context, report);
  else if (mermaid === true) print(context, graphMermaid(report));
  else if (dot === true) print(context, graphDot(report));
  else print(context, graphTree(report, context.paint));
  return exitCodes.ok;
}
