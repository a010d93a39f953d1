/** `pipeline accept STAGE`: a person's word that a change of code changes no result. */
import { userError } from "../../errors.ts";
import type { AcceptReport } from "../../runner/maintenance-types.ts";
import { print, printJson, type CliContext, type RecipeOptions } from "../cli-context.ts";
import { exitCodes } from "../exit-code.ts";
import { shortDigest } from "../text/short-digest.ts";
import { withSession } from "../with-session.ts";

export interface AcceptCommandOptions extends RecipeOptions {
  readonly all?: boolean;
  readonly json?: boolean;
}

export async function acceptCommand(
  context: CliContext,
  stage: string | undefined,
  { all = false, json, ...recipe }: AcceptCommandOptions,
): Promise<number> {
  if ((stage === undefined) !== all)
    throw userError(
      "MISSING_ARGUMENT",
      "accept takes either a stage or --all",
      "npx pipeline accept STAGE; npx pipeline plan says which stages differ, and how",
    );
  const report = await withSession(context, recipe, (session) => session.maintenance.accept(stage));
  if (json === true) printJson(context, report);
  else print(context, acceptText(report, context));
  return exitCodes.ok;
}

function acceptText({ accepted, refused }: AcceptReport, { paint }: CliContext): string {
  const lines = accepted.flatMap(({ stage, fingerprint, changes }) => [
    `${paint("green", "✔")} ${stage}: the result of ${shortDigest(fingerprint)} stands for the code as it is now`,
    ...changes.map((change) => paint("dim", `  ${change}`)),
  ]);
  return [
    ...(lines.length === 0 ? ["nothing to accept: no stage differs by its code alone"] : lines),
    ...refused.map(({ stage, reasons }) => `▶ ${stage} must run: ${reasons.join("; ")}`),
    ...(lines.length === 0 ? [] : [paint("dim", "undo with npx pipeline run STAGE --force STAGE")]),
  ].join("\n");
}
