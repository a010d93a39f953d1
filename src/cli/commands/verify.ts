/** `pipeline verify STAGE`: executes it again and compares. Exit code 0 equal, 1 different. */
import { formatCount, formatDuration } from "../../report/quantity.ts";
import { listenForInterrupts } from "../../runner/interrupts.ts";
import type { FileDifference, VerifyReport } from "../../runner/maintenance-types.ts";
import { note, print, printJson, type CliContext, type RecipeOptions } from "../cli-context.ts";
import { exitCodes } from "../exit-code.ts";
import { progressLine } from "../text/progress-line.ts";
import { shortDigest } from "../text/short-digest.ts";
import { withSession } from "../with-session.ts";

export async function verifyCommand(
  context: CliContext,
  stage: string,
  { json, ...recipe }: RecipeOptions & { readonly json?: boolean },
): Promise<number> {
  const interrupts = listenForInterrupts();
  const line = progressLine(context.streams.stderr);
  line.show(`executing ${stage} again`);
  try {
    const report = await withSession(context, recipe, (session) =>
      session.maintenance.verify(stage, {
        signal: interrupts.signal,
        onEvent: (event) => {
          if (event.type !== "stage-progress") return;
          const { done, total, unit } = event.progress;
          const of = total === undefined ? "" : ` of ${formatCount(total)}`;
          line.show(`executing ${stage} again: ${formatCount(done)}${of} ${unit}`);
        },
      }),
    );
    line.end();
    if (json === true) printJson(context, report);
    else print(context, verifyText(report, context));
    return report.equal ? exitCodes.ok : exitCodes.failure;
  } catch (error) {
    line.end();
    if (!interrupts.signal.aborted) throw error;
    note(context, "stopped; nothing was compared, and nothing in the store has changed");
    return exitCodes.interrupted;
  } finally {
    interrupts.dispose();
  }
}

function verifyText(report: VerifyReport, { paint }: CliContext): string {
  const { stage, equal, outputs, durationMs, recordedMs } = report;
  const time = `${formatDuration(durationMs)}, ${formatDuration(recordedMs)} the first time`;
  return [
    equal
      ? `${paint("green", "✔")} ${stage} gives the same bytes again (${time})`
      : `${paint("red", "✖")} ${stage} gives other bytes than it did (${time})`,
    ...outputs.flatMap(({ output, stored, again, differences }) =>
      stored === again
        ? [`  ${output}  ${shortDigest(stored)}`]
        : [
            `  ${output}  ${shortDigest(stored)} → ${shortDigest(again)}`,
            ...differences.map((each) => `    ${differenceText(each)}`),
          ],
    ),
  ].join("\n");
}

function differenceText({ path, how, offset, key }: FileDifference): string {
  if (how === "only-stored") return `${path} was not written again`;
  if (how === "only-again") return `${path} is new`;
  const at = offset === undefined ? "" : ` from byte ${formatCount(offset)}`;
  return `${path} differs${at}${key === undefined ? "" : `, first at ${key === "" ? "the top" : key}`}`;
}
