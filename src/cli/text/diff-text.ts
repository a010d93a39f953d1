/** What differs between two runs, a block for each stage. */
import { formatFigure } from "../../report/quantity.ts";
import type { RunComparison, StageComparison } from "../../runner/history-types.ts";
import type { RunRecord } from "../../runner/session-types.ts";
import { nameFigures } from "../../lineage/figures.ts";
import type { Paint, Style } from "../paint.ts";
import { configName, targetsText } from "./run-words.ts";
import { shortDigest } from "./short-digest.ts";
import { ago } from "./status-text.ts";
import { table, type Cell } from "./table.ts";

const looks: Readonly<Record<StageComparison["verdict"], { readonly mark: string; readonly style: Style }>> =
  {
    same: { mark: "=", style: "dim" },
    changed: { mark: "~", style: "yellow" },
    "only-old": { mark: "-", style: "red" },
    "only-new": { mark: "+", style: "green" },
    unknown: { mark: "?", style: "red" },
  };

/** `now`: milliseconds since the epoch. */
export function diffText(comparison: RunComparison, now: number, paint: Paint): string {
  const { old, new: current, stages } = comparison;
  const same = stages.filter(({ verdict }) => verdict === "same").map(({ stage }) => stage);
  const others = stages.filter(({ verdict }) => verdict !== "same");
  return [
    ...table([runCells("old", old, now), runCells("new", current, now)], paint),
    "",
    ...(others.length === 0 ? ["no stage differs"] : others.flatMap((stage) => stageLines(stage, paint))),
    ...(same.length === 0 ? [] : [paint("dim", `= ${same.join(", ")}: the same`)]),
  ].join("\n");
}

const runCells = (which: string, run: RunRecord, now: number): readonly Cell[] => [
  { text: which, style: "dim" },
  { text: run.runId, style: "bold" },
  { text: ago(run.startedAt, now) },
  { text: run.status },
  { text: `${configName(run.config)}: ${targetsText(run.targets)}` },
];

function stageLines(stage: StageComparison, paint: Paint): readonly string[] {
  const { mark, style } = looks[stage.verdict];
  const nameOf = nameFigures(stage.metrics);
  const metrics = table(
    stage.metrics.map((change): readonly Cell[] => [
      { text: nameOf(change) },
      { text: figure(change.old), align: "right" },
      { text: "→" },
      { text: figure(change.new), align: "right" },
      { text: change.difference === null ? "" : signed(formatFigure(change.difference)), align: "right" },
      {
        text:
          change.percent === null ? "" : `${signed(formatFigure(Number(change.percent.toPrecision(3))))} %`,
        align: "right",
      },
    ]),
    paint,
  );
  return [
    `${paint(style, mark)} ${paint("bold", stage.stage)}${remark(stage)}`,
    ...stage.differences.map(({ message }) => `  ${message}`),
    ...stage.outputs.map(
      ({ output, old, new: now }) => `  output ${output}: ${digest(old)} → ${digest(now)}`,
    ),
    ...metrics.map((line) => `    ${line}`),
  ];
}

function remark(stage: StageComparison): string {
  switch (stage.verdict) {
    case "only-old":
      return " in the old run only";
    case "only-new":
      return " in the new run only";
    case "unknown":
      return ` cannot be compared: ${stage.old?.outcome ?? ""} in the old run, ${stage.new?.outcome ?? ""} in the new one`;
    case "same":
    case "changed":
      return stage.differences.length === 0 ? ": another result of the same recipe" : "";
  }
}

const figure = (value: number | null): string => (value === null ? "none" : formatFigure(value));
const digest = (value: string | null): string => (value === null ? "none" : shortDigest(value));
const signed = (text: string): string => (text.startsWith("-") || text === "0" ? text : `+${text}`);
