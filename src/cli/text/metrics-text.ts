/** Executions and their figures: as tables for a screen, and as CSV. */
import { countOf, formatDuration, formatFigure } from "../../report/quantity.ts";
import type { MetricsRow, MetricsTable } from "../../runner/history-types.ts";
import type { Json } from "../../std/json.ts";
import type { Paint } from "../paint.ts";
import { printable, truncate } from "../text-width.ts";
import { ago } from "./status-text.ts";
import type { Cell } from "./table.ts";
import { wideTable } from "./wide-table.ts";

export interface MetricsTextOptions {
  /** Milliseconds since the epoch. */
  readonly now: number;
  readonly columns: number;
  readonly paint: Paint;
}

const VALUE_COLUMNS = 24;

export function metricsText(tables: readonly MetricsTable[], options: MetricsTextOptions): string {
  if (tables.length === 0) return "no finished execution has figures yet: npx pipeline run";
  return tables.map((each) => tableText(each, options)).join("\n\n");
}

function tableText(
  { stage, columns: shown, rows }: MetricsTable,
  { now, columns, paint }: MetricsTextOptions,
): string {
  const head: readonly Cell[] = [
    { text: "run" },
    ...shown.map(({ key }) => ({ text: key, align: alignOf(rows, key) })),
    { text: "when" },
    { text: "duration", align: "right" },
  ];
  const cells = rows.map((row): readonly Cell[] => [
    { text: row.runId },
    ...shown.map(({ key }) => ({ text: valueText(row.values[key]), align: alignOf(rows, key) })),
    { text: ago(row.startedAt, now) },
    { text: formatDuration(row.durationMs), align: "right" },
  ]);
  const lines = wideTable({ head, rows: cells, keys: 1 }, columns, paint);
  return [`${paint("bold", stage)}  ${paint("dim", countOf(rows.length, "execution"))}`, ...lines].join("\n");
}

const alignOf = (rows: readonly MetricsRow[], key: string): "left" | "right" =>
  rows.every(({ values }) => values[key] === undefined || typeof values[key] === "number") ? "right" : "left";

function valueText(value: Json | undefined): string {
  if (value === undefined) return "";
  if (typeof value === "number") return formatFigure(value);
  return truncate(printable(typeof value === "string" ? value : JSON.stringify(value)), VALUE_COLUMNS);
}

/** RFC 4180, numbers in full; one table with the columns of all. */
export function metricsCsv(tables: readonly MetricsTable[]): string {
  const keys = [...new Set(tables.flatMap(({ columns }) => columns.map(({ key }) => key)))];
  const head = ["stage", "run", "startedAt", "durationMs", "fingerprint", ...keys];
  const rows = tables.flatMap((each) =>
    each.rows.map(({ stage, runId, startedAt, durationMs, fingerprint, values }) => [
      ...[stage, runId, startedAt, String(durationMs), fingerprint],
      ...keys.map((key) => {
        const value = values[key];
        return typeof value === "string" ? value : value === undefined ? "" : JSON.stringify(value);
      }),
    ]),
  );
  return [head, ...rows].map((row) => row.map(csvField).join(",")).join("\r\n");
}

const csvField = (text: string): string => (/[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text);
