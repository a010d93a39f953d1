/** Commands that answer questions about runs that were, and write nothing. */
import { Option } from "commander";
import type { RecipeOptions } from "../cli-context.ts";
import type { LogsCommandOptions } from "../commands/logs.ts";
import type { MetricsCommandOptions } from "../commands/metrics.ts";
import type { RunsCommandOptions } from "../commands/runs.ts";
import { atLeast, jsonOption, recipe, type JsonOption } from "./options.ts";
import type { CommandParts } from "./command-parts.ts";

export function addHistoryCommands({ command, context, finish }: CommandParts): void {
  recipe(command("runs", "finished runs, newest first"))
    .option("--limit <n>", "how many", atLeast(1), 20)
    .addOption(jsonOption())
    .action(async (options: RunsCommandOptions) => {
      const { runsCommand } = await import("../commands/runs.ts");
      finish(await runsCommand(context, options));
    });

  recipe(command("diff <old> <new>", "what differs between two runs: recipes, sources, results, figures"))
    .addHelpText(
      "after",
      "\nOLD and NEW are runs: an id, the beginning of one, latest, or latest~1 for the one before.",
    )
    .addOption(jsonOption())
    .action(async (old: string, current: string, options: RecipeOptions & JsonOption) => {
      const { diffCommand } = await import("../commands/diff.ts");
      finish(await diffCommand(context, old, current, options));
    });

  recipe(command("metrics [stages...]", "executions side by side: the params that differ and their figures"))
    .option("--runs <n>", "only what the newest n runs made or had cached", atLeast(1))
    .option("--sort <key>", "a column, when, run, duration or stage; -KEY turns it round (default: -when)")
    .addOption(new Option("--csv", "as CSV, every figure in full").conflicts("json"))
    .addOption(jsonOption())
    .action(async (stages: string[], options: MetricsCommandOptions) => {
      const { metricsCommand } = await import("../commands/metrics.ts");
      finish(await metricsCommand(context, stages, options));
    });

  recipe(command("logs <stage>", "what an execution said: the latest one, or the one that is going on"))
    .option("--run <run>", "the execution of that run: an id, the beginning of one, latest, latest~1")
    .option("--follow", "go on until it ends")
    .option("--lines <n>", "of what is there, the last n lines only", atLeast(0))
    .option("--json", "one event a line")
    .action(async (stage: string, options: LogsCommandOptions) => {
      const { logsCommand } = await import("../commands/logs.ts");
      finish(await logsCommand(context, stage, options));
    });
}
