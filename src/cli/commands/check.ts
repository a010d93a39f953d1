/** `pipeline check`: is the store what its index says it is? */
import { countOf, formatBytes } from "../../report/quantity.ts";
import { listenForInterrupts } from "../../runner/interrupts.ts";
import type { CheckProblem, CheckProgress, CheckReport } from "../../runner/session-types.ts";
import { note, print, printJson, type CliContext, type RecipeOptions } from "../cli-context.ts";
import { exitCodes } from "../exit-code.ts";
import { progressLine } from "../text/progress-line.ts";
import { withSession } from "../with-session.ts";

export interface CheckCommandOptions extends RecipeOptions {
  readonly deep?: boolean;
  readonly repair?: boolean;
  readonly json?: boolean;
}

export async function checkCommand(
  context: CliContext,
  { deep = false, repair = false, json, ...recipe }: CheckCommandOptions,
): Promise<number> {
  const interrupts = listenForInterrupts();
  const line = progressLine(context.streams.stderr);
  try {
    const report = await withSession(context, recipe, (session) =>
      session.check({
        deep,
        repair,
        signal: interrupts.signal,
        ...(deep ? { onProgress: (progress) => line.show(progressText(progress)) } : {}),
      }),
    );
    line.end();
    if (json === true) printJson(context, report);
    else print(context, checkText(report, deep, context));
    return report.ok ? exitCodes.ok : exitCodes.failure;
  } catch (error) {
    line.end();
    if (!interrupts.signal.aborted) throw error;
    note(context, "stopped; what was looked at was not written down");
    return exitCodes.interrupted;
  } finally {
    interrupts.dispose();
  }
}

const progressText = ({ objects, totalObjects, bytes, totalBytes }: CheckProgress): string =>
  `reading ${objects + 1} of ${countOf(totalObjects, "artifact")}, ${formatBytes(bytes)} of ${formatBytes(totalBytes)}`;

function checkText(report: CheckReport, deep: boolean, { paint }: CliContext): string {
  const { ok, objects, bytes, problems, tombstones, pins, restored } = report;
  const damage = problems.filter(({ severity }) => severity === "damage");
  const ofJournal = damage.some(({ code }) => /^(journal|index)-/.test(code));
  const leftOver = problems.filter(({ severity }) => severity === "left-over");
  const amount = [
    `${countOf(objects, "artifact")}, ${formatBytes(bytes)}`,
    ...(pins === 0 ? [] : [countOf(pins, "pin")]),
    ...(tombstones === 0 ? [] : [`${countOf(tombstones, "execution")} of which only the record is left`]),
  ].join(", ");
  const how = deep ? "every digest compared" : "sizes compared; --deep compares digests";
  const stages = [...new Set(damage.flatMap((problem) => problem.stages))];
  return [
    ...(restored === undefined ? [] : restoredLines(restored)),
    ...damage.map((problem) => `${paint("red", "✖")} ${problemText(problem)}`),
    ...leftOver.map((problem) => `${paint("yellow", "·")} ${problemText(problem)}`),
    ...(problems.length === 0 ? [] : [""]),
    ok
      ? `${paint("green", "✔")} ${amount}: whole (${how})`
      : `${paint("red", "✖")} ${countOf(damage.length, "problem")} in ${amount} (${how})`,
    ...(stages.length === 0
      ? []
      : [`${paint("cyan", "hint:")} npx pipeline run makes ${stages.join(", ")} again`]),
    ...(ofJournal
      ? [`${paint("cyan", "hint:")} npx pipeline check --repair makes index and journal agree`]
      : []),
    ...(leftOver.length === 0
      ? []
      : [
          `${paint("cyan", "hint:")} ${countOf(leftOver.length, "left-over")}, of no harm: npx pipeline gc removes what can go`,
        ]),
  ].join("\n");
}

/** Nothing comes back unsaid. */
const restoredLines = (restored: readonly string[]): readonly string[] => [
  `the index is readable, and the journal was written anew from it`,
  ...restored.map((key) => `put back from the journal: ${key}`),
  "",
];

const problemText = ({ code, message, path }: CheckProblem): string =>
  `${code}: ${message}${path === undefined ? "" : ` (${path})`}`;
