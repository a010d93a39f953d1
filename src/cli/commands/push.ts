/** `pipeline push [TARGET…]`: sends finished stages to the remote. */
import { countOf, formatBytes } from "../../report/quantity.ts";
import type { PushedExecution, PushReport } from "../../runner/exchange-types.ts";
import { print, printJson, type CliContext, type RecipeOptions } from "../cli-context.ts";
import { exitCodes } from "../exit-code.ts";
import { shortDigest } from "../text/short-digest.ts";
import { table } from "../text/table.ts";
import { transferring } from "../transfer-view.ts";
import { withSession } from "../with-session.ts";

export interface PushCommandOptions extends RecipeOptions {
  readonly remote?: string;
  readonly trust: readonly string[];
  readonly dryRun?: boolean;
  readonly json?: boolean;
}

export async function pushCommand(
  context: CliContext,
  targets: readonly string[],
  { remote, trust, dryRun = false, json, ...recipe }: PushCommandOptions,
): Promise<number> {
  const report = await withSession(context, recipe, (session) =>
    transferring(context, "pushing", (options) =>
      session.exchange.push(targets, {
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
  else print(context, pushText(report, dryRun, context));
  return exitCodes.ok;
}

function pushText(
  { remote, executions, files, sizeBytes, key, unfinished }: PushReport,
  dryRun: boolean,
  { paint }: CliContext,
): string {
  const outcomeTexts: Readonly<Record<PushedExecution["outcome"], string>> = {
    pushed: dryRun ? "would be sent" : "sent",
    present: "is there already",
    occupied: "is there by a key that is not trusted here; left as it is",
  };
  const rows = executions.map(({ stageId, fingerprint, outcome }) => [
    { text: `  ${stageId}` },
    { text: shortDigest(fingerprint), style: "dim" as const },
    { text: outcomeTexts[outcome], ...(outcome === "occupied" ? { style: "yellow" as const } : {}) },
  ]);
  return [
    `${paint("green", "✔")} ${remote}: ${countOf(files, "file")}, ${formatBytes(sizeBytes)} ${dryRun ? "to send" : "sent"}`,
    ...table(rows, paint),
    ...unfinished.map((id) => paint("dim", `  ${id} is not finished for this recipe`)),
    paint("dim", `signed by ${key}`),
  ].join("\n");
}
