/** `pipeline clean`: shows what would go, asks, and removes it. */
import { formatBytes } from "../../report/quantity.ts";
import type { CleanPart } from "../../runner/maintenance-types.ts";
import { print, printJson, type CliContext, type RecipeOptions } from "../cli-context.ts";
import { exitCodes } from "../exit-code.ts";
import { confirmed } from "../confirmed.ts";
import { table } from "../text/table.ts";
import { withSession } from "../with-session.ts";

export interface CleanCommandOptions extends RecipeOptions {
  readonly artifacts?: boolean;
  readonly checkpoints?: boolean;
  readonly logs?: boolean;
  readonly compiled?: boolean;
  readonly all?: boolean;
  /** The name of a dead machine. */
  readonly locks?: string;
  readonly yes?: boolean;
  readonly json?: boolean;
}

export async function cleanCommand(
  context: CliContext,
  { yes = false, json = false, config, set, ...options }: CleanCommandOptions,
): Promise<number> {
  const recipe = { ...(config === undefined ? {} : { config }), set };
  const { locks: host } = options;
  if (host !== undefined) {
    const { cleanLocksCommand } = await import("./clean-locks.ts");
    return cleanLocksCommand(context, recipe, { host, yes, json });
  }
  return withSession(context, recipe, async ({ maintenance }) => {
    const parts = maintenance.planClean(options);
    const freedBytes = parts.reduce((sum, { bytes }) => sum + bytes, 0);
    if (!json) print(context, partsText(parts, context));
    if (parts.length > 0) {
      if (!yes && !(await confirmed(context, "remove this?", json))) {
        if (!json) print(context, "nothing was removed");
        return exitCodes.ok;
      }
      await maintenance.clean(parts);
    }
    if (json) printJson(context, { parts, freedBytes });
    else if (parts.length > 0)
      print(context, `${context.paint("green", "✔")} freed ${formatBytes(freedBytes)}`);
    return exitCodes.ok;
  });
}

function partsText(parts: readonly CleanPart[], { paint }: CliContext): string {
  if (parts.length === 0) return "there is nothing of it";
  const rows = parts.map(({ path, bytes, cost }) => [
    { text: path },
    { text: formatBytes(bytes), align: "right" as const },
    { text: cost, style: "dim" as const },
  ]);
  return table(rows, paint).join("\n");
}
