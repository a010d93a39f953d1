/** Commands that run the pipeline, or say what a run would do. */
import { Option } from "commander";
import type { PlanCommandOptions } from "../commands/plan.ts";
import type { RunCommandOptions } from "../commands/run.ts";
import { atLeast, jsonOption, recipe, selection } from "./options.ts";
import type { CommandParts } from "./command-parts.ts";

export function addRunCommands({ command, context, finish }: CommandParts): void {
  selection(recipe(command("run [targets...]", "build targets and what they need; no target: everything")))
    .option("--keep-going", "after a failure go on with the stages that do not need what failed")
    .option("--dry-run", "say what would run and why, run nothing")
    .addOption(
      new Option("--detach", "run in the background; attach and stop speak to it later").conflicts("dryRun"),
    )
    .option("--jobs <n>", "CPU slots shared by the stages that run at once", atLeast(1))
    .addOption(
      new Option("--executor <kind>", "where stages run (default: as settings.yaml says)").choices([
        "local",
        "slurm",
      ]),
    )
    .option("--json", "one event a line on standard output")
    .action(async (targets: string[], options: RunCommandOptions) => {
      const { runCommand } = await import("../commands/run.ts");
      finish(await runCommand(context, targets, options));
    });

  selection(recipe(command("plan [targets...]", "say what `run` would do and why; writes nothing")))
    .addOption(jsonOption())
    .action(async (targets: string[], options: PlanCommandOptions) => {
      const { planCommand } = await import("../commands/plan.ts");
      finish(await planCommand(context, targets, options));
    });
}
