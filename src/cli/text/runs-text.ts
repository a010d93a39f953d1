/** Runs as a table, newest first. */
import { formatDuration } from "../../report/quantity.ts";
import type { KilledRun } from "../../runner/history-types.ts";
import type { RunRecord } from "../../runner/session-types.ts";
import type { Paint } from "../paint.ts";
import { textWidth, truncate } from "../text-width.ts";
import { configName, statusStyles, targetsText } from "./run-words.ts";
import { ago } from "./status-text.ts";
import { table, type Cell } from "./table.ts";

export interface RunsTextOptions {
  /** Rows, of the newest. */
  readonly limit: number;
  /** Milliseconds since the epoch. */
  readonly now: number;
  readonly columns: number;
  readonly paint: Paint;
}

export function runsText(
  runs: readonly (RunRecord | KilledRun)[],
  { limit, now, columns, paint }: RunsTextOptions,
): string {
  if (runs.length === 0) return "no run has ended yet: npx pipeline run";
  const newest = [...runs].sort((a, b) => (a.startedAt < b.startedAt ? 1 : -1)).slice(0, limit);
  const head: readonly Cell[] = [
    { text: "run", style: "dim" },
    { text: "when", style: "dim" },
    { text: "status", style: "dim" },
    { text: "took", style: "dim", align: "right" },
    { text: "ran", style: "dim", align: "right" },
    { text: "hits", style: "dim", align: "right" },
    { text: "config: targets", style: "dim" },
  ];
  const rows = newest.map((run): readonly Cell[] => [
    { text: run.runId },
    { text: ago(run.startedAt, now) },
    ...outcomeCells(run),
    { text: `${configName(run.config)}: ${targetsText(run.targets)}` },
  ]);
  const all = [head, ...rows];
  const before = head
    .slice(0, -1)
    .reduce(
      (sum, _, column) => sum + 2 + Math.max(...all.map((row) => textWidth(row[column]?.text ?? ""))),
      0,
    );
  // Targets may be many; the record has them whole.
  const room = Math.max(4, columns - before);
  const fitted = all.map((row) =>
    row.map((cell, column) =>
      column === row.length - 1 ? { ...cell, text: truncate(cell.text, room) } : cell,
    ),
  );
  return table(fitted, paint).join("\n");
}

/** How it ended, how long it took, what it ran and what were hits. */
function outcomeCells(run: RunRecord | KilledRun): readonly Cell[] {
  if (!("status" in run)) return [{ text: "killed", style: "red" }, { text: "" }, { text: "" }, { text: "" }];
  return [
    { text: run.status, style: statusStyles[run.status] },
    { text: formatDuration(run.durationMs), align: "right" },
    { text: String(run.executed), align: "right" },
    { text: String(run.hits), align: "right" },
  ];
}
