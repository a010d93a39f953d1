/** Commands that look after the store. */
import type { CheckCommandOptions } from "../commands/check.ts";
import { Option } from "commander";
import type { RecipeOptions } from "../cli-context.ts";
import type { AcceptCommandOptions } from "../commands/accept.ts";
import type { CleanCommandOptions } from "../commands/clean.ts";
import type { GcCommandOptions } from "../commands/gc.ts";
import type { PinCommandOptions } from "../commands/pin.ts";
import { byteSize, duration, jsonOption, recipe, type JsonOption } from "./options.ts";
import type { CommandParts } from "./command-parts.ts";

export function addStoreCommands({ command, context, finish }: CommandParts): void {
  recipe(command("check", "compare the store with its index"))
    .option("--deep", "read every file and compare its digest, not only its size")
    .option("--repair", "first make a damaged index anew from the journal, and the two agree")
    .addOption(jsonOption())
    .action(async (options: CheckCommandOptions) => {
      const { checkCommand } = await import("../commands/check.ts");
      finish(await checkCommand(context, options));
    });

  recipe(command("gc", "remove what no recipe, pin or run needs (default: and nobody used for 14 days)"))
    .option("--older-than <age>", "only what was not used for so long, e.g. 30d", duration)
    .option("--max-size <size>", "until the artifacts kept are no larger, e.g. 50GB", byteSize)
    .addOption(
      new Option("--unreferenced", "everything that nothing needs, however young").conflicts("olderThan"),
    )
    .option("--downloads", "downloads too; they are fetched again when a stage needs them")
    .option("--dry-run", "list what would go, remove nothing")
    .addOption(jsonOption())
    .addHelpText(
      "after",
      "\nLineage stays: of what is removed, the record is kept. docs/store.md says what is needed and what goes first.",
    )
    .action(async (options: GcCommandOptions) => {
      const { gcCommand } = await import("../commands/gc.ts");
      finish(await gcCommand(context, options));
    });

  recipe(command("pin [target]", "keep an artifact or execution from gc"))
    .addHelpText("after", TARGET_HELP)
    .option("--name <note>", "a note, e.g. why; unpin takes it too")
    .option("--with-lineage", "keep also everything that it came from")
    .option("--list", "list what is pinned")
    .addOption(jsonOption())
    .action(async (target: string | undefined, options: PinCommandOptions) => {
      const { pinCommand } = await import("../commands/pin.ts");
      finish(await pinCommand(context, target, options));
    });
  recipe(command("unpin <target>", "let gc take again what was pinned"))
    .addHelpText("after", TARGET_HELP)
    .addOption(jsonOption())
    .action(async (target: string, options: RecipeOptions & JsonOption) => {
      const { unpinCommand } = await import("../commands/pin.ts");
      finish(await unpinCommand(context, target, options));
    });
  recipe(command("pins", "list what is pinned"))
    .addOption(jsonOption())
    .action(async (options: RecipeOptions & JsonOption) => {
      const { pinsCommand } = await import("../commands/pin.ts");
      finish(await pinsCommand(context, options));
    });

  recipe(
    command("verify <stage>", "execute a cached stage again beside the store: does it give the same bytes?"),
  )
    .addOption(jsonOption())
    .action(async (stage: string, options: RecipeOptions & JsonOption) => {
      const { verifyCommand } = await import("../commands/verify.ts");
      finish(await verifyCommand(context, stage, options));
    });

  recipe(command("accept [stage]", "declare that what changed in a stage's code changes no result"))
    .option("--all", "every stage whose only difference is one of code")
    .addOption(jsonOption())
    .addHelpText("after", "\nLineage records it. npx pipeline run STAGE --force STAGE undoes it.")
    .action(async (stage: string | undefined, options: AcceptCommandOptions) => {
      const { acceptCommand } = await import("../commands/accept.ts");
      finish(await acceptCommand(context, stage, options));
    });

  recipe(command("clean", "remove what can be made again, needed or not; gc removes only what nothing needs"))
    .option("--artifacts", "the copies in artifacts/")
    .option("--checkpoints", "checkpoints of interrupted and of finished executions")
    .option("--logs", "logs of all runs")
    .option("--compiled", "the compiled form of the sources")
    .option("--all", "the whole cache and all copies: every stage runs again")
    .addOption(
      new Option("--locks <host>", "what another machine holds that shared the cache and is dead").conflicts([
        "artifacts",
        "checkpoints",
        "logs",
        "compiled",
        "all",
      ]),
    )
    .option("--yes", "do not ask")
    .addOption(jsonOption())
    .action(async (options: CleanCommandOptions) => {
      const { cleanCommand } = await import("../commands/clean.ts");
      finish(await cleanCommand(context, options));
    });
}

const TARGET_HELP =
  "\nTARGET is a stage (its latest execution), a path below artifacts/, or a digest or fingerprint of at least 6 digits.";
