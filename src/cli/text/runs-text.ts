/** Runs as a table, newest first. */
import { formatDuration } from "../../report/quantity.ts";
import type { RunRecord } from "../../runner/session-types.ts";
import type { Paint } from "../paint.ts";
import { textWidth, truncate } from "../text-width.ts";
import { configName, statusStyles, targetsText } from "./run-words.ts";
import { ago } from "./status-text.ts";
import { table, type Cell } from "./table.ts";

export interface RunsTextOptions {
  /** Milliseconds since the epoch. */
  readonly now: number;
  readonly columns: number;
  readonly paint: Paint;
}

export function runsText(runs: readonly RunRecord[], { now, columns, paint }: RunsTextOptions): string {
  if (runs.length === 0) return "no run has ended yet: npx pipeline run";
  const head: readonly Cell[] = [
    { text: "run", style: "dim" },
    { text: "when", style: "dim" },
    { text: "status", style: "dim" },
    { text: "took", style: "dim", align: "right" },
    { text: "ran", style: "dim", align: "right" },
    { text: "hits", style: "dim", align: "right" },
    { text: "config: targets", style: "dim" },
  ];
  const rows = runs.map((run): readonly Cell[] => [
    { text: run.runId },
    { text: ago(run.startedAt, now) },
    { text: run.status, style: statusStyles[run.status] },
    { text: formatDuration(run.durationMs), align: "right" },
    { text: String(run.executed), align: "right" },
    { text: String(run.hits), align: "right" },
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
