/** Commands that look after the store. */
import type { CheckCommandOptions } from "../commands/check.ts";
import { jsonOption, recipe } from "./options.ts";
import type { CommandParts } from "./command-parts.ts";

export function addStoreCommands({ command, context, finish }: CommandParts): void {
  recipe(command("check", "compare the store with its index"))
    .option("--deep", "read every file and compare its digest, not only its size")
    .addOption(jsonOption())
    .action(async (options: CheckCommandOptions) => {
      const { checkCommand } = await import("../commands/check.ts");
      finish(await checkCommand(context, options));
    });
}
