/** `pipeline config schema | show`. */
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { stringify } from "yaml";
import { loadConfig } from "../../pipeline/config-load.ts";
import type { Pipeline } from "../../pipeline/define-pipeline.ts";
import { readManifest } from "../../runner/compiled.ts";
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
  { json, ...recipe }: RecipeOptions & { readonly json?: boolean },
): Promise<number> {
  const { projectRoot, compiledDirectory } = context.host;
  // The session finds the file, checks the recipe and tells what is wrong with it.
  const file = await withSession(context, recipe, ({ config }) => Promise.resolve(config));
  const module = pathToFileURL(join(compiledDirectory, readManifest(compiledDirectory).pipeline)).href;
  const { default: pipeline } = (await import(module)) as { readonly default: Pipeline };
  const { value } = await loadConfig({ projectRoot, file, set: recipe.set, schema: pipeline.config });
  if (json === true) printJson(context, value);
  else print(context, `# ${file}\n${stringify(value).trimEnd()}`);
  return exitCodes.ok;
}
