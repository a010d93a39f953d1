/** Commands that share finished work between machines. */
import type { Command } from "commander";
import { collect, jsonOption, recipe, type JsonOption } from "./options.ts";
import type { RecipeOptions } from "../cli-context.ts";
import type { ExportCommandOptions } from "../commands/export-run.ts";
import type { ImportCommandOptions } from "../commands/import-run.ts";
import type { PullCommandOptions } from "../commands/pull.ts";
import type { PushCommandOptions } from "../commands/push.ts";
import type { CommandParts } from "./command-parts.ts";

const trustOption = [
  "--trust <key>",
  "believe this public key for once, beside trustedKeys of settings.yaml; repeatable",
] as const;

export function addExchangeCommands({ command, context, finish }: CommandParts): void {
  recipe(command("key", "this user's public key, which others put into trustedKeys of their settings.yaml"))
    .addOption(jsonOption())
    .action(async (options: RecipeOptions & JsonOption) => {
      const { keyCommand } = await import("../commands/key.ts");
      finish(await keyCommand(context, options));
    });

  recipe(command("export-run [what...]", "one file with a run's artifacts and where they came from"))
    .addHelpText("after", "\nWHAT is a run or targets; without it, the latest run that succeeded.")
    .option("--output <file>", "the archive (default: RUN.tar or TARGET.tar here)")
    .option("--lineage-only-upstream", "leave out the files of what the targets were made from")
    .addOption(jsonOption())
    .action(async (what: string[], options: ExportCommandOptions) => {
      const { exportRunCommand } = await import("../commands/export-run.ts");
      finish(await exportRunCommand(context, what, options));
    });

  recipe(command("import-run <file>", "take over what export-run wrote, after verifying all of it"))
    .option(...trustOption, collect, [])
    .option("--dry-run", "verify and say what would come, write nothing")
    .addOption(jsonOption())
    .action(async (file: string, options: ImportCommandOptions) => {
      const { importRunCommand } = await import("../commands/import-run.ts");
      finish(await importRunCommand(context, file, options));
    });

  sharing(recipe(command("push [targets...]", "send finished stages to the remote, for others to pull")))
    .option("--dry-run", "say what would be sent, send nothing")
    .action(async (targets: string[], options: PushCommandOptions) => {
      const { pushCommand } = await import("../commands/push.ts");
      finish(await pushCommand(context, targets, options));
    });

  sharing(
    recipe(command("pull [targets...]", "fetch from the remote what the recipe needs and others have made")),
  )
    .option("--dry-run", "say what would come, write nothing")
    .action(async (targets: string[], options: PullCommandOptions) => {
      const { pullCommand } = await import("../commands/pull.ts");
      finish(await pullCommand(context, targets, options));
    });
}

const sharing = (command: Command): Command =>
  command
    .option("--remote <url>", "a shared folder or s3://bucket/prefix (default: remote.url of settings.yaml)")
    .option(...trustOption, collect, [])
    .addOption(jsonOption());
