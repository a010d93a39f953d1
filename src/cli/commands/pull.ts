/** `pipeline pull [TARGET…]`: fetches what others have made. */
import { countOf, formatBytes } from "../../report/quantity.ts";
import type { PulledStage, PullReport } from "../../runner/exchange-types.ts";
import { note, print, printJson, type CliContext, type RecipeOptions } from "../cli-context.ts";
import { errorText } from "../error-text.ts";
import { exitCodes } from "../exit-code.ts";
import { shortDigest } from "../text/short-digest.ts";
import { table } from "../text/table.ts";
import { transferring } from "../transfer-view.ts";
import { withSession } from "../with-session.ts";

export interface PullCommandOptions extends RecipeOptions {
  readonly remote?: string;
  readonly trust: readonly string[];
  readonly dryRun?: boolean;
  readonly json?: boolean;
}

/** Exit code 2 where an entry was refused: the user must say whom to trust. */
export async function pullCommand(
  context: CliContext,
  targets: readonly string[],
  { remote, trust, dryRun = false, json, ...recipe }: PullCommandOptions,
): Promise<number> {
  const report = await withSession(context, recipe, (session) =>
    transferring(context, "pulling", (options) =>
      session.exchange.pull(targets, {
        ...options,
        ...(remote === undefined ? {} : { remote }),
        directory: context.workingDirectory,
        trust,
        dryRun,
      }),
    ),
  );
  if (report === undefined) return exitCodes.interrupted;
  if (json === true) printJson(context, { ...report, dryRun });
  else print(context, pullText(report, dryRun, context));
  // One for each key: what else it signed is in the table.
  const refusals = new Map(report.refusals.map((refusal) => [refusal.hint, refusal]));
  for (const refusal of refusals.values())
    note(context, errorText(refusal, { paint: context.errorPaint, verbose: context.verbose }));
  return report.refusals.length === 0 ? exitCodes.ok : exitCodes.user;
}

function pullText(
  { remote, stages, files, sizeBytes, refusals }: PullReport,
  dryRun: boolean,
  { paint }: CliContext,
): string {
  const outcomeTexts: Readonly<Record<PulledStage["outcome"], string>> = {
    pulled: dryRun ? "would come" : "came",
    here: "was here",
    absent: "is not there",
    refused: "refused: its key is not trusted",
  };
  const rows = stages.map(({ id, fingerprint, outcome, key }) => [
    { text: `  ${id}` },
    { text: fingerprint === null ? "" : shortDigest(fingerprint), style: "dim" as const },
    {
      text:
        (outcome === "absent" && fingerprint === null
          ? "not known before its inputs are"
          : outcomeTexts[outcome]) + (key === undefined ? "" : `, signed by ${key}`),
    },
  ]);
  return [
    `${refusals.length === 0 ? paint("green", "✔") : paint("yellow", "!")} ${remote}: ${countOf(files, "file")}, ${formatBytes(sizeBytes)} ${dryRun ? "to fetch" : "fetched"}`,
    ...table(rows, paint),
  ].join("\n");
}
