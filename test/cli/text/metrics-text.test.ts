import { expect, test } from "vitest";
import { noPaint } from "../../../src/cli/paint.ts";
import { metricsCsv, metricsText } from "../../../src/cli/text/metrics-text.ts";
import type { MetricsTable } from "../../../src/runner/history-types.ts";

const row = { fingerprint: "f", startedAt: "2026-01-01T00:00:00.000Z", durationMs: 1500 };
const tables: readonly MetricsTable[] = [
  {
    stage: "train",
    columns: [
      { key: "kind", kind: "param" },
      { key: "loss", kind: "metric" },
    ],
    rows: [
      { ...row, stage: "train", runId: "r2", values: { kind: 'a "b", c', loss: 3.123456789 } },
      { ...row, stage: "train", runId: "r1", values: { loss: 12 } },
    ],
  },
  {
    stage: "eval",
    columns: [{ key: "accuracy", kind: "metric" }],
    rows: [{ ...row, stage: "eval", runId: "r1", values: { accuracy: 0.5 } }],
  },
];

test("CSV is one table with all columns, figures in full and fields quoted where they must be", () => {
  expect(metricsCsv(tables).split("\r\n")).toEqual([
    "stage,run,startedAt,durationMs,fingerprint,kind,loss,accuracy",
    'train,r2,2026-01-01T00:00:00.000Z,1500,f,"a ""b"", c",3.123456789,',
    "train,r1,2026-01-01T00:00:00.000Z,1500,f,,12,",
    "eval,r1,2026-01-01T00:00:00.000Z,1500,f,,,0.5",
  ]);
});

test("text has a table for each stage, figures to four digits and to the right", () => {
  const now = Date.parse("2026-01-01T00:03:00.000Z");
  expect(metricsText(tables, { now, columns: 80, paint: noPaint }).split("\n")).toEqual([
    "train  2 executions",
    "run  kind       loss  when       duration",
    'r2   a "b", c  3.123  3 min ago     1.5 s',
    "r1                12  3 min ago     1.5 s",
    "",
    "eval  1 execution",
    "run  accuracy  when       duration",
    "r1        0.5  3 min ago     1.5 s",
  ]);
});
