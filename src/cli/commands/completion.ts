/** `pipeline completion SHELL`: prints the script by which that shell completes commands, options and names. */
import type { Command } from "commander";
import { join } from "node:path";
import { print, type CliContext } from "../cli-context.ts";
import { bashScript } from "../completion/bash-script.ts";
import { commandTable } from "../completion/command-table.ts";
import { fishScript } from "../completion/fish-script.ts";
import { quoted } from "../completion/shell-words.ts";
import { zshScript } from "../completion/zsh-script.ts";
import { exitCodes } from "../exit-code.ts";

export type Shell = "bash" | "zsh" | "fish";

export function completionCommand(context: CliContext, program: Command, shell: Shell): number {
  const table = commandTable(program);
  const lookUp = [process.execPath, join(context.host.packageRoot, "bin", "pipeline.js"), "completion-words"];
  const line = lookUp.map(quoted).join(" ");
  switch (shell) {
    case "bash":
      print(context, bashScript(table, line));
      break;
    case "zsh":
      print(context, zshScript(table, line));
      break;
    case "fish":
      print(context, fishScript(table, lookUp));
      break;
  }
  return exitCodes.ok;
}
