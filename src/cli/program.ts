/**
 * Every command with its arguments and options, and nothing of what they do: an action loads its module when
 * it runs, so that `--help` and `plan` start fast.
 */
import { Command } from "commander";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { columnsOf, type CliContext } from "./cli-context.ts";
import type { CommandParts } from "./program/command-parts.ts";
import { addDataCommands } from "./program/data-commands.ts";
import { addExchangeCommands } from "./program/exchange-commands.ts";
import { addHistoryCommands } from "./program/history-commands.ts";
import { addLiveCommands } from "./program/live-commands.ts";
import { addMachineCommands } from "./program/machine-commands.ts";
import { addModelCommands } from "./program/model-commands.ts";
import { addQuestionCommands } from "./program/question-commands.ts";
import { addRunCommands } from "./program/run-commands.ts";
import { addStoreCommands } from "./program/store-commands.ts";

/** `finish` is told the exit code of the command that ran. */
export function createProgram(context: CliContext, finish: (exitCode: number) => void): Command {
  const { stdout } = context.streams;
  const program = new Command("pipeline")
    .usage("<command> [options]")
    .description(
      "Builds the artifacts of pipeline.ts: what is cached is not done again, what was interrupted goes on.",
    )
    .version(packageVersion(context.host.packageRoot), "--version")
    .option("--verbose", "show the stack of every error")
    .option("--no-color", "no colours; so does the environment variable NO_COLOR")
    .helpCommand(false)
    .exitOverride()
    .configureOutput({
      writeOut: (text) => stdout.write(text),
      // Help where a command is missing. Errors are left to main.ts.
      writeErr: (text) => context.streams.stderr.write(text),
      outputError: () => undefined,
      getOutHelpWidth: () => Math.min(100, columnsOf(stdout)),
    })
    .configureHelp({ showGlobalOptions: true });

  const parts: CommandParts = {
    command: (usage, description) => program.command(usage).description(description),
    program,
    context,
    finish,
  };
  addRunCommands(parts);
  addLiveCommands(parts);
  addQuestionCommands(parts);
  addHistoryCommands(parts);
  addStoreCommands(parts);
  addExchangeCommands(parts);
  addDataCommands(parts);
  addMachineCommands(parts);
  addModelCommands(parts);
  return program;
}

function packageVersion(packageRoot: string): string {
  const manifest = join(packageRoot, "package.json");
  if (!existsSync(manifest)) return "unknown";
  const content: unknown = JSON.parse(readFileSync(manifest, "utf8"));
  const isManifest = typeof content === "object" && content !== null && "version" in content;
  return isManifest ? String(content.version) : "unknown";
}
