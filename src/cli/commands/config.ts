/** `pipeline config schema | show`. */
import { stringify } from "yaml";
import { print, printJson, type CliContext, type RecipeOptions } from "../cli-context.ts";
import { exitCodes } from "../exit-code.ts";
import { withSession } from "../with-session.ts";

export async function configSchemaCommand(context: CliContext): Promise<number> {
  const schema = await withSession(context, { set: [] }, (session) =>
    Promise.resolve(session.configJsonSchema()),
  );
  print(context, JSON.stringify(schema, null, 2));
  return exitCodes.ok;
}

/** As YAML it is a recipe again, under the name of the one it came from. */
export async function configShowCommand(
  context: CliContext,
  { json, ...options }: RecipeOptions & { readonly json?: boolean },
): Promise<number> {
  const { config, recipe } = await withSession(context, options, (session) =>
    Promise.resolve({ config: session.config, recipe: session.recipe }),
  );
  if (json === true) printJson(context, recipe);
  else print(context, `# ${config}\n${stringify(recipe).trimEnd()}`);
  return exitCodes.ok;
}
