/** What commander says about a wrong command line, as the project's own error: exit code 2, with a hint. */
import { CommanderError } from "commander";
import { userError, type PipelineError } from "../errors.ts";
import { exitCodes } from "./exit-code.ts";

const codes: Readonly<Record<string, string>> = {
  "commander.unknownCommand": "UNKNOWN_COMMAND",
  "commander.unknownOption": "UNKNOWN_OPTION",
  "commander.missingArgument": "MISSING_ARGUMENT",
  "commander.optionMissingArgument": "MISSING_ARGUMENT",
  "commander.missingMandatoryOptionValue": "MISSING_ARGUMENT",
  "commander.excessArguments": "EXCESS_ARGUMENTS",
  "commander.invalidArgument": "INVALID_ARGUMENT",
  "commander.conflictingOption": "CONFLICTING_OPTIONS",
};

/**
 * Commander has said all there is to say: `--help` and `--version` (exit code 0), or the help where a
 * command was missing (2). Undefined for any other error.
 */
export function helpExitCode(error: unknown): number | undefined {
  if (!(error instanceof CommanderError)) return undefined;
  if (error.code === "commander.help") return exitCodes.user;
  return error.exitCode === 0 ? exitCodes.ok : undefined;
}

/** `commands`: names of the command that was being read and, before it, of those that it is part of. */
export function usageError(error: CommanderError, commands: readonly string[]): PipelineError {
  const help = ["npx pipeline", ...commands, "--help"].join(" ");
  const [first = "", ...rest] = error.message.replace(/^error: /, "").split("\n");
  const suggestion = /^\(Did you mean (.+)\?\)$/.exec(rest.join(" "))?.[1];
  const hint = suggestion === undefined ? help : `did you mean ${suggestion}? (${help})`;
  return userError(codes[error.code] ?? "BAD_COMMAND_LINE", first, hint);
}
