/**
 * The command line from arguments to exit code. Commands are declared in program.ts and loaded when they
 * run; every error ends here, as text on standard error.
 */
import { join } from "node:path";
import { type Command, CommanderError } from "commander";
import { z } from "zod";
import { serializeError } from "../errors.ts";
import { explainFailure } from "../runner/failure.ts";
import type { Host } from "../runner/session-types.ts";
import type { CliContext, CliStreams, OutputStream } from "./cli-context.ts";
import { errorText } from "./error-text.ts";
import { exitCodeOf, exitCodes } from "./exit-code.ts";
import { modelTextGenerators } from "./speaker/model-text-generators.ts";
import { choosePaint } from "./paint.ts";
import { createProgram } from "./program.ts";
import type { TextGenerators } from "./text-generator.ts";
import { helpExitCode, usageError } from "./usage-error.ts";

export interface MainOptions {
  /** Default: this process's. */
  readonly streams?: CliStreams;
  readonly env?: Readonly<Record<string, string | undefined>>;
  readonly workingDirectory?: string;
  /** Default: the checkpoints of this project's own stages. */
  readonly textGenerators?: TextGenerators;
}

// Each schema is used once or twice by a command, and compiling it takes longer than that.
z.config({ jitless: true });

/** `argv`: what stands behind the program's name. Never throws; returns the exit code. */
export async function main(argv: readonly string[], host: Host, options: MainOptions = {}): Promise<number> {
  const { streams = process, env = process.env, workingDirectory = process.cwd() } = options;
  const flags = argv.slice(0, argv.includes("--") ? argv.indexOf("--") : argv.length);
  const noColorFlag = flags.includes("--no-color");
  const paintFor = ({ isTTY = false }: OutputStream) => choosePaint({ isTty: isTTY, env, noColorFlag });
  const context: CliContext = {
    host,
    commandLine: argv,
    streams,
    env,
    workingDirectory,
    verbose: flags.includes("--verbose"),
    paint: paintFor(streams.stdout),
    errorPaint: paintFor(streams.stderr),
    textGenerators: options.textGenerators ?? modelTextGenerators,
  };
  endQuietlyWithReader(streams);

  let exitCode: number = exitCodes.ok;
  const program = createProgram(context, (code) => (exitCode = code));
  try {
    await program.parseAsync(argv, { from: "user" });
  } catch (error) {
    const helpCode = helpExitCode(error);
    if (helpCode !== undefined) return helpCode;
    const explained = explainFailure(error, join(host.projectRoot, "cache"));
    const shown = serializeError(
      error instanceof CommanderError ? usageError(error, commandNames(program, argv)) : explained,
    );
    streams.stderr.write(`${errorText(shown, { paint: context.errorPaint, verbose: context.verbose })}\n`);
    return exitCodeOf(shown.kind);
  }
  return exitCode;
}

/** What the command line names, from the outermost command in: `["engine", "dump"]`. */
function commandNames(program: Command, argv: readonly string[]): readonly string[] {
  for (const [index, word] of argv.entries()) {
    const command = program.commands.find((each) => each.name() === word);
    if (command !== undefined) return [word, ...commandNames(command, argv.slice(index + 1))];
  }
  return [];
}

/** `pipeline plan | head` closes the pipe early. That is no error, and a run goes on. */
function endQuietlyWithReader({ stdout, stderr }: CliStreams): void {
  for (const stream of [stdout, stderr])
    stream.on("error", (error: NodeJS.ErrnoException) => {
      if (error.code !== "EPIPE") throw error;
    });
}
