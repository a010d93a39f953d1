/** Commands that answer questions about what was built, and write nothing. */
import { Option } from "commander";
import type { RecipeOptions } from "../cli-context.ts";
import type { GraphCommandOptions } from "../commands/graph.ts";
import type { LineageCommandOptions } from "../commands/lineage.ts";
import type { WhyCommandOptions } from "../commands/why.ts";
import { jsonOption, recipe, type JsonOption } from "./options.ts";
import type { CommandParts } from "./command-parts.ts";

export function addQuestionCommands({ command, context, finish }: CommandParts): void {
  recipe(command("status", "every stage: cached or not, its last execution, its artifacts"))
    .addOption(jsonOption())
    .action(async (options: RecipeOptions & JsonOption) => {
      const { statusCommand } = await import("../commands/status.ts");
      finish(await statusCommand(context, options));
    });

  recipe(command("why <stage>", "why a stage is cached or must run, and what its fingerprint is made of"))
    .option(
      "--run <run>",
      "why it ran, or was a hit, in that run: an id, the beginning of one, latest, latest~1",
    )
    .addOption(jsonOption())
    .action(async (stage: string, options: WhyCommandOptions) => {
      const { whyCommand } = await import("../commands/why.ts");
      finish(await whyCommand(context, stage, options));
    });

  recipe(command("lineage [what]", "where an artifact came from and what came from it"))
    .addHelpText(
      "after",
      "\nWHAT is a stage; a path below artifacts/, or of a copy of an artifact or of a file in one; or a digest of at least 6 digits.",
    )
    .addOption(new Option("--up", "only where it came from").conflicts("down"))
    .addOption(new Option("--down", "only what came from it"))
    .addOption(
      new Option("--mermaid", "as a Mermaid flowchart").conflicts(["dot", "prov", "openlineage", "json"]),
    )
    .addOption(new Option("--dot", "as a Graphviz digraph").conflicts(["prov", "openlineage", "json"]))
    .addOption(new Option("--prov", "as W3C PROV-JSON").conflicts(["openlineage", "json"]))
    .addOption(new Option("--openlineage", "as OpenLineage events, one a line").conflicts("json"))
    .addOption(jsonOption())
    .action(async (what: string | undefined, options: LineageCommandOptions) => {
      const { lineageCommand } = await import("../commands/lineage.ts");
      finish(await lineageCommand(context, what, options));
    });

  recipe(command("graph", "the stages and what they hand to each other"))
    .addOption(new Option("--mermaid", "as a Mermaid flowchart").conflicts(["dot", "json"]))
    .addOption(new Option("--dot", "as a Graphviz digraph").conflicts("json"))
    .addOption(jsonOption())
    .action(async (options: GraphCommandOptions) => {
      const { graphCommand } = await import("../commands/graph.ts");
      finish(await graphCommand(context, options));
    });

  const config = command("config", "the recipe and its schema");
  config
    .command("schema")
    .description("JSON Schema of the recipes, for editors")
    .action(async () => {
      const { configSchemaCommand } = await import("../commands/config.ts");
      finish(await configSchemaCommand(context));
    });
  recipe(
    config.command("show").description("the recipe as it is used: `extends`, defaults and --set applied"),
  )
    .addOption(jsonOption())
    .action(async (options: RecipeOptions & JsonOption) => {
      const { configShowCommand } = await import("../commands/config.ts");
      finish(await configShowCommand(context, options));
    });
}
