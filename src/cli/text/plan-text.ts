/** A plan as a table: decision, what it will take, reasons, and the sum. */
import { countOf, formatBytes, formatDuration } from "../../report/quantity.ts";
import type { Plan, PlannedStage } from "../../runner/plan-types.ts";
import type { Paint } from "../paint.ts";
import { decisionLooks, reasonTexts } from "./decision.ts";
import { table, type Cell } from "./table.ts";

const blank: Cell = { text: "" };

export function planText({ stages }: Plan, paint: Paint): string {
  return [...stageLines(stages, paint), "", ...sumTexts(stages).map((text) => paint("dim", text))].join("\n");
}

/** Only what must run, e.g. after an edit. */
export function staleText({ stages }: Plan, stale: Plan["stages"], paint: Paint): string {
  if (stale.length === 0) return paint("dim", `nothing became stale: ${sumTexts(stages).join("\n")}`);
  return [...stageLines(stale, paint), ...sumTexts(stages).map((text) => paint("dim", text))].join("\n");
}

function stageLines(stages: Plan["stages"], paint: Paint): readonly string[] {
  const rows = stages.flatMap((stage): (readonly Cell[])[] => {
    const { mark, word, style } = decisionLooks[stage.decision];
    const [first = "", ...more] = reasonTexts(stage);
    const head: readonly Cell[] = [
      { text: mark, style },
      { text: stage.id },
      { text: word, style },
      ...predictionCells(stage),
      { text: first },
    ];
    return [head, ...more.map((text) => [blank, blank, blank, blank, blank, { text }])];
  });
  return table(rows, paint);
}

/** Duration and size, as the recent executions were. */
function predictionCells({ decision, predicted }: PlannedStage): readonly Cell[] {
  if (decision === "hit") return [blank, blank];
  if (predicted === undefined) return [{ text: "unknown", style: "dim", align: "right" }, blank];
  return [
    { text: `~${formatDuration(predicted.durationMs)}`, align: "right" },
    { text: formatBytes(predicted.sizeBytes), align: "right" },
  ];
}

function sumTexts(stages: Plan["stages"]): readonly string[] {
  const count = (decision: string) => stages.filter((stage) => stage.decision === decision).length;
  const parts = [
    `${count("hit")} cached`,
    `${count("run")} to run`,
    ...(count("resume") === 0 ? [] : [`${count("resume")} to resume`]),
  ];
  return [`${countOf(stages.length, "stage")}: ${parts.join(", ")}`, ...predictionTexts(stages)];
}

/** Of work: stages that run side by side take less time than their sum. */
function predictionTexts(stages: Plan["stages"]): readonly string[] {
  const todo = stages.filter(({ decision }) => decision !== "hit");
  const known = todo.flatMap(({ predicted }) => predicted ?? []);
  if (known.length === 0) return [];
  const time = known.reduce((sum, { durationMs }) => sum + durationMs, 0);
  const size = known.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
  const rest = todo.length - known.length;
  const more = rest === 0 ? "" : `, and ${countOf(rest, "stage")} of which nothing is known`;
  return [
    `by what they took before: about ${formatDuration(time)} of work, ${formatBytes(size)} of disk${more}`,
  ];
}
