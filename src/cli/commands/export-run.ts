/** `pipeline export-run [WHAT…]`: writes an archive. */
import { resolve } from "node:path";
import { countOf, formatBytes } from "../../report/quantity.ts";
import { print, printJson, type CliContext, type RecipeOptions } from "../cli-context.ts";
import { exitCodes } from "../exit-code.ts";
import { shellCommand } from "../../std/shell-command.ts";
import { transferring } from "../transfer-view.ts";
import { withSession } from "../with-session.ts";

export interface ExportCommandOptions extends RecipeOptions {
  readonly output?: string;
  readonly lineageOnlyUpstream?: boolean;
  readonly json?: boolean;
}

export async function exportRunCommand(
  context: CliContext,
  what: readonly string[],
  { output, lineageOnlyUpstream = false, json, ...recipe }: ExportCommandOptions,
): Promise<number> {
  const report = await withSession(context, recipe, (session) =>
    transferring(context, "exporting", (options) =>
      session.exchange.exportRun(what, {
        ...options,
        lineageOnlyUpstream,
        ...(output === undefined ? {} : { file: resolve(context.workingDirectory, output) }),
        directory: context.workingDirectory,
      }),
    ),
  );
  if (report === undefined) return exitCodes.interrupted;
  if (json === true) printJson(context, report);
  else {
    const { file, sizeBytes, executions, files, key } = report;
    const { paint } = context;
    print(
      context,
      [
        `${paint("green", "✔")} ${file}: ${countOf(executions, "execution")}, ${countOf(files, "file")}, ${formatBytes(sizeBytes)}`,
        paint("dim", `signed by ${key}`),
        "",
        `elsewhere: ${shellCommand(["npx", "pipeline", "import-run", file])}, by whoever trusts that key`,
      ].join("\n"),
    );
  }
  return exitCodes.ok;
}
