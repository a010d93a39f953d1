/** Executions as a table: what was varied, and the figures that came of it. */
import { isDeepStrictEqual } from "node:util";
import { userError } from "../errors.ts";
import type { Json } from "../std/json.ts";
import { leavesOf } from "../std/leaves.ts";
import { nearest } from "../std/nearest.ts";
import { readVariant } from "../std/variant-id.ts";
import type { ExecutionRecord } from "../store/records.ts";
import { figuresOf, nameFigures } from "./figures.ts";

/** `axis`: of a matrix of variants. `param`: differs between the rows. `metric`: a figure of an output's summary. */
export interface MetricsColumn {
  readonly key: string;
  readonly kind: "axis" | "param" | "metric";
}

export interface MetricsRow {
  readonly stage: string;
  readonly fingerprint: string;
  /** The run that made it. */
  readonly runId: string;
  readonly startedAt: string;
  readonly durationMs: number;
  /** By column key; a key is absent where the execution has no such value. */
  readonly values: Readonly<Record<string, Json>>;
}

/** One stage with all its variants. */
export interface MetricsTable {
  /** The stage's id without the variant. */
  readonly stage: string;
  readonly columns: readonly MetricsColumn[];
  readonly rows: readonly MetricsRow[];
}

/** An execution and the stage id that it served. */
export interface Served {
  readonly stage: string;
  readonly execution: ExecutionRecord;
}

/** `sort`: a column's key, `when`, `run`, `duration` or `stage`; `-` before it turns it round. Default: newest first. */
export function tabulate(served: readonly Served[], sort = "-when"): MetricsTable[] {
  const groups = new Map<string, Served[]>();
  for (const each of served) {
    const { base } = readVariant(each.stage);
    groups.set(base, [...(groups.get(base) ?? []), each]);
  }
  const tables = [...groups].map(([stage, members]) => tableOf(stage, members));
  return sorted(tables, sort);
}

function tableOf(stage: string, members: readonly Served[]): MetricsTable {
  const parts = members.map(({ stage: id, execution }) => ({
    id,
    execution,
    axes: readVariant(id).axes,
    params: leavesOf(execution.params),
    figures: figuresOf(execution),
  }));
  const axes = union(parts.map((part) => part.axes));
  const varied = union(parts.map(({ params }) => params)).filter(
    (key) =>
      !isAxis(key, axes, parts) &&
      parts.some(({ params }) => !isDeepStrictEqual(params[key], parts[0]?.params[key])),
  );
  const nameOf = nameFigures(
    parts.flatMap(({ figures }) => figures),
    new Set([...axes, ...varied]),
  );
  const metrics = union(
    parts.map(({ figures }) => Object.fromEntries(figures.map((each) => [nameOf(each), each.value]))),
  );
  return {
    stage,
    columns: [
      ...axes.map((key) => ({ key, kind: "axis" as const })),
      ...varied.map((key) => ({ key, kind: "param" as const })),
      ...metrics.map((key) => ({ key, kind: "metric" as const })),
    ],
    rows: parts.map(({ id, execution, axes: own, params, figures }) => ({
      stage: id,
      fingerprint: execution.fingerprint,
      runId: execution.runId,
      startedAt: execution.startedAt,
      durationMs: execution.durationMs,
      values: {
        ...own,
        ...Object.fromEntries(varied.flatMap((key) => (key in params ? [[key, params[key] ?? null]] : []))),
        ...Object.fromEntries(figures.map((figure) => [nameOf(figure), figure.value])),
      },
    })),
  };
}

/** A param that says what an axis says already: `schedule.learningRate` beside the axis `learningRate`. */
const isAxis = (
  key: string,
  axes: readonly string[],
  parts: readonly {
    readonly axes: Readonly<Record<string, Json>>;
    readonly params: Readonly<Record<string, Json>>;
  }[],
): boolean =>
  axes.some(
    (axis) =>
      (key === axis || key.endsWith(`.${axis}`)) &&
      parts.every((part) => isDeepStrictEqual(part.axes[axis], part.params[key])),
  );

const union = (records: readonly Readonly<Record<string, unknown>>[]): string[] => [
  ...new Set(records.flatMap((record) => Object.keys(record))),
];

const fixed: Readonly<Record<string, (row: MetricsRow) => Json>> = {
  when: ({ startedAt }) => startedAt,
  run: ({ runId }) => runId,
  duration: ({ durationMs }) => durationMs,
  stage: ({ stage }) => stage,
};

/** Tables that have no such column keep their newest first. Throws `METRIC_UNKNOWN` where none has it. */
function sorted(tables: readonly MetricsTable[], sort: string): MetricsTable[] {
  const [key, turn] = sort.startsWith("-") ? [sort.slice(1), -1] : [sort, 1];
  const of = fixed[key] ?? (({ values }: MetricsRow) => values[key]);
  const known = new Set([
    ...Object.keys(fixed),
    ...tables.flatMap(({ columns }) => columns.map((column) => column.key)),
  ]);
  if (tables.length > 0 && !known.has(key)) {
    const near = nearest(key, [...known]);
    throw userError(
      "METRIC_UNKNOWN",
      `there is no column ${key} to sort by; there are: ${[...known].join(", ")}`,
      near === undefined ? "npx pipeline metrics shows the columns" : `did you mean ${near}?`,
    );
  }
  return tables.map((table) => ({
    ...table,
    rows: [...table.rows].sort(
      (a, b) =>
        order(of(a), of(b), turn) || order(a.startedAt, b.startedAt, -1) || order(a.stage, b.stage, 1),
    ),
  }));
}

/** Numbers by size, everything else as text; what is not there comes last, whichever way round. */
function order(a: Json | undefined, b: Json | undefined, turn: number): number {
  if (a === undefined || b === undefined) return a === b ? 0 : a === undefined ? 1 : -1;
  if (typeof a === "number" && typeof b === "number") return (a - b) * turn;
  const [left, right] = [a, b].map((value) => (typeof value === "string" ? value : JSON.stringify(value)));
  return left === right ? 0 : (left ?? "") < (right ?? "") ? -turn : turn;
}
