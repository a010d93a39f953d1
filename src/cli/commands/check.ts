/** `pipeline check`: is the store what its index says it is? */
import { countOf, formatBytes } from "../../report/quantity.ts";
import type { CheckReport } from "../../runner/session-types.ts";
import { print, printJson, type CliContext, type RecipeOptions } from "../cli-context.ts";
import { exitCodes } from "../exit-code.ts";
import { withSession } from "../with-session.ts";

export interface CheckCommandOptions extends RecipeOptions {
  readonly deep?: boolean;
  readonly json?: boolean;
}

export async function checkCommand(
  context: CliContext,
  { deep = false, json, ...recipe }: CheckCommandOptions,
): Promise<number> {
  const report = await withSession(context, recipe, (session) => session.check({ deep }));
  if (json === true) printJson(context, report);
  else print(context, checkText(report, deep, context));
  return report.ok ? exitCodes.ok : exitCodes.failure;
}

function checkText(
  { ok, objects, bytes, problems }: CheckReport,
  deep: boolean,
  { paint }: CliContext,
): string {
  const amount = `${countOf(objects, "object")}, ${formatBytes(bytes)}`;
  const how = deep ? "every digest compared" : "sizes compared; --deep compares digests";
  if (ok) return `${paint("green", "✔")} ${amount}: whole (${how})`;
  const stages = [...new Set(problems.flatMap((problem) => problem.stages))];
  return [
    ...problems.map(
      ({ code, message, path }) =>
        `${paint("red", "✖")} ${code}: ${message}${path === undefined ? "" : ` (${path})`}`,
    ),
    "",
    `${countOf(problems.length, "problem")} in ${amount} (${how})`,
    ...(stages.length === 0
      ? []
      : [`${paint("cyan", "hint:")} npx pipeline run makes ${stages.join(", ")} again`]),
  ].join("\n");
}
