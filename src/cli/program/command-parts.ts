/** What a group of commands is declared with. */
import type { Command } from "commander";
import type { CliContext } from "../cli-context.ts";

export interface CommandParts {
  /** Adds a command: `run [targets...]` and what it does. */
  readonly command: (usage: string, description: string) => Command;
  /** All commands, those that are added later included. */
  readonly program: Command;
  readonly context: CliContext;
  /** Told the exit code of the command that ran. */
  readonly finish: (exitCode: number) => void;
}
