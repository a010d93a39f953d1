/** `pipeline pin`, `unpin` and `pins`. */
import { formatBytes } from "../../report/quantity.ts";
import type { PinReport } from "../../runner/maintenance-types.ts";
import { userError } from "../../errors.ts";
import { print, printJson, type CliContext, type RecipeOptions } from "../cli-context.ts";
import { exitCodes } from "../exit-code.ts";
import { ago } from "../text/status-text.ts";
import { table, type Cell } from "../text/table.ts";
import { shortDigest } from "../text/short-digest.ts";
import { withSession } from "../with-session.ts";

export interface PinCommandOptions extends RecipeOptions {
  readonly name?: string;
  readonly withLineage?: boolean;
  readonly list?: boolean;
  readonly json?: boolean;
}

export async function pinCommand(
  context: CliContext,
  target: string | undefined,
  { name, withLineage = false, list, json, ...recipe }: PinCommandOptions,
): Promise<number> {
  if (list === true) return pinsCommand(context, { ...recipe, ...(json === undefined ? {} : { json }) });
  if (target === undefined)
    throw userError(
      "MISSING_ARGUMENT",
      "pin needs to know what to keep",
      "npx pipeline pin STAGE, PATH or DIGEST; npx pipeline pins lists what is pinned",
    );
  const pins = await withSession(context, recipe, (session) =>
    Promise.resolve(
      session.maintenance.pin(target, { ...(name === undefined ? {} : { name }), withLineage }),
    ),
  );
  if (json === true) printJson(context, { pins });
  else {
    const kept = pins
      .map(({ subject, bytes }) => `${subjectText(subject)}, ${formatBytes(bytes)}`)
      .join("; ");
    const how = withLineage
      ? "and everything that it came from"
      : "but not what it came from (--with-lineage)";
    print(context, `${context.paint("green", "✔")} gc keeps ${target} (${kept}), ${how}`);
  }
  return exitCodes.ok;
}

export async function unpinCommand(
  context: CliContext,
  target: string,
  { json, ...recipe }: RecipeOptions & { readonly json?: boolean },
): Promise<number> {
  const pins = await withSession(context, recipe, (session) =>
    Promise.resolve(session.maintenance.unpin(target)),
  );
  if (json === true) printJson(context, { pins });
  else for (const { subject } of pins) print(context, `${subjectText(subject)} is no longer pinned`);
  return exitCodes.ok;
}

export async function pinsCommand(
  context: CliContext,
  { json, ...recipe }: RecipeOptions & { readonly json?: boolean },
): Promise<number> {
  const pins = await withSession(context, recipe, (session) => Promise.resolve(session.maintenance.pins()));
  if (json === true) printJson(context, { pins });
  else print(context, pinsText(pins, Date.now(), context));
  return exitCodes.ok;
}

function pinsText(pins: readonly PinReport[], now: number, { paint }: CliContext): string {
  if (pins.length === 0) return "nothing is pinned: npx pipeline pin TARGET";
  const rows = pins.map(
    ({ target, subject, bytes, withLineage, name, pinnedAt, present }): readonly Cell[] => [
      { text: target },
      { text: subjectText(subject), style: "dim" },
      present
        ? { text: formatBytes(bytes), align: "right" }
        : { text: "gone", style: "yellow", align: "right" },
      { text: withLineage ? "with what it came from" : "" },
      { text: `pinned ${ago(pinnedAt, now)}` },
      { text: name ?? "" },
    ],
  );
  return table(rows, paint).join("\n");
}

const subjectText = (subject: string): string => {
  const [type = "", key = ""] = subject.split(":");
  return `${type} ${shortDigest(key)}`;
};
