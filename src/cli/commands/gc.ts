/** `pipeline gc`: removes what nothing needs, and says what that freed. */
import { countOf, formatBytes, formatDuration } from "../../report/quantity.ts";
import type { GcItem, GcOptions, GcReport } from "../../runner/maintenance-types.ts";
import { print, printJson, type CliContext, type RecipeOptions } from "../cli-context.ts";
import { exitCodes } from "../exit-code.ts";
import { ago } from "../text/status-text.ts";
import { table } from "../text/table.ts";
import { shortDigest } from "../text/short-digest.ts";
import { withSession } from "../with-session.ts";

export interface GcCommandOptions extends RecipeOptions {
  readonly olderThan?: number;
  readonly maxSize?: number;
  readonly unreferenced?: boolean;
  readonly downloads?: boolean;
  readonly dryRun?: boolean;
  readonly json?: boolean;
}

export async function gcCommand(
  context: CliContext,
  { olderThan, maxSize, json, config, set, unreferenced, downloads, dryRun }: GcCommandOptions,
): Promise<number> {
  const options: GcOptions = {
    ...(olderThan === undefined ? {} : { olderThanMs: olderThan }),
    ...(maxSize === undefined ? {} : { maxBytes: maxSize }),
    unreferenced: unreferenced ?? false,
    downloads: downloads ?? false,
    dryRun: dryRun ?? false,
  };
  const recipe = { ...(config === undefined ? {} : { config }), set };
  const report = await withSession(context, recipe, (session) => session.maintenance.gc(options));
  if (json === true) printJson(context, report);
  else print(context, gcText(report, Date.now(), context));
  return exitCodes.ok;
}

const kinds: Readonly<Record<GcItem["kind"], string>> = {
  execution: "execution",
  replaced: "replaced",
  unindexed: "no record",
  checkpoint: "checkpoint",
  continuation: "continuation",
  work: "dead work",
  job: "Slurm job",
  compiled: "compiled",
  log: "log",
  stats: "stats",
  download: "download",
  entry: "index",
};

function gcText(report: GcReport, now: number, { paint }: CliContext): string {
  const { dryRun, items, freedBytes, rebuildMs, remainingBytes, notes } = report;
  const warnings = notes.map((text) => `${paint("yellow", "note:")} ${text}`);
  const kept = `artifacts kept: ${formatBytes(remainingBytes)}`;
  if (items.length === 0)
    return [`${paint("green", "✔")} nothing to remove; ${kept}`, ...warnings].join("\n");
  const rows = items.map(({ kind, name, bytes, lastUsed, rebuildMs: rebuild, fingerprints = [] }) => [
    { text: kinds[kind], style: "dim" as const },
    { text: /^[0-9a-f]{64}$/.test(name) ? shortDigest(name) : name },
    { text: formatBytes(bytes), align: "right" as const },
    { text: lastUsed === undefined ? "" : `used ${ago(lastUsed, now)}` },
    { text: rebuild === undefined ? "" : `${formatDuration(rebuild)} to make again` },
    { text: fingerprints.map(shortDigest).join(" "), style: "dim" as const },
  ]);
  const again = rebuildMs === 0 ? "" : `, ${formatDuration(rebuildMs)} to make again`;
  const sum = `${countOf(items.length, "item")}, ${formatBytes(freedBytes)}${again}`;
  return [
    ...table(rows, paint),
    "",
    dryRun ? `would free ${sum}; ${kept}` : `${paint("green", "✔")} freed ${sum}; ${kept}`,
    ...warnings,
    ...(dryRun ? [paint("dim", "nothing was removed: leave --dry-run out to remove it")] : []),
  ].join("\n");
}
