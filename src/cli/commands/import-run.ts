/** `pipeline import-run FILE`: takes over an archive, all of it or nothing. */
import { resolve } from "node:path";
import { countOf, formatBytes } from "../../report/quantity.ts";
import type { ImportedExecution, ImportSummary } from "../../runner/exchange-types.ts";
import { print, printJson, type CliContext, type RecipeOptions } from "../cli-context.ts";
import { exitCodes } from "../exit-code.ts";
import { table } from "../text/table.ts";
import { shortDigest } from "../text/short-digest.ts";
import { transferring } from "../transfer-view.ts";
import { withSession } from "../with-session.ts";

export interface ImportCommandOptions extends RecipeOptions {
  readonly trust: readonly string[];
  readonly dryRun?: boolean;
  readonly json?: boolean;
}

export async function importRunCommand(
  context: CliContext,
  file: string,
  { trust, dryRun = false, json, ...recipe }: ImportCommandOptions,
): Promise<number> {
  const report = await withSession(context, recipe, (session) =>
    transferring(context, dryRun ? "verifying" : "importing", (options) =>
      session.exchange.importRun(resolve(context.workingDirectory, file), { ...options, trust, dryRun }),
    ),
  );
  if (report === undefined) return exitCodes.interrupted;
  if (json === true) printJson(context, { ...report, dryRun });
  else print(context, importText(report, dryRun, context));
  return exitCodes.ok;
}

const outcomeTexts: Readonly<Record<ImportedExecution["outcome"], string>> = {
  imported: "with its files",
  present: "was here already",
  lineage: "its record, without files",
};

function importText(
  { key, runId, executions, files, sizeBytes }: ImportSummary,
  dryRun: boolean,
  { paint }: CliContext,
): string {
  const rows = executions.map(({ stageId, fingerprint, outcome }) => [
    { text: `  ${stageId}` },
    { text: shortDigest(fingerprint), style: "dim" as const },
    { text: outcomeTexts[outcome] },
  ]);
  const what = runId === null ? countOf(executions.length, "execution") : `run ${runId}`;
  const verb = dryRun ? "is whole, and would bring" : "verified and imported:";
  return [
    `${paint("green", "✔")} ${what} ${verb} ${countOf(files, "file")}, ${formatBytes(sizeBytes)}`,
    ...table(rows, paint),
    paint("dim", `signed by ${key}`),
    ...(dryRun ? [] : ["", "npx pipeline plan shows what of it serves this project's recipe"]),
  ].join("\n");
}
