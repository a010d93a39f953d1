/** A plan as a table: decision, reasons, and the sum. */
import { countOf } from "../../report/quantity.ts";
import type { Plan } from "../../runner/plan-types.ts";
import type { Paint } from "../paint.ts";
import { decisionLooks, reasonTexts } from "./decision.ts";
import { table, type Cell } from "./table.ts";

export function planText({ stages }: Plan, paint: Paint): string {
  return [...stageLines(stages, paint), "", paint("dim", sumText(stages))].join("\n");
}

/** Only what must run, e.g. after an edit. */
export function staleText({ stages }: Plan, stale: Plan["stages"], paint: Paint): string {
  if (stale.length === 0) return paint("dim", `nothing became stale: ${sumText(stages)}`);
  return [...stageLines(stale, paint), paint("dim", sumText(stages))].join("\n");
}

function stageLines(stages: Plan["stages"], paint: Paint): readonly string[] {
  const rows = stages.flatMap((stage): (readonly Cell[])[] => {
    const { mark, word, style } = decisionLooks[stage.decision];
    const [first = "", ...more] = reasonTexts(stage);
    const head: readonly Cell[] = [
      { text: mark, style },
      { text: stage.id },
      { text: word, style },
      { text: first },
    ];
    return [head, ...more.map((text) => [{ text: "" }, { text: "" }, { text: "" }, { text }])];
  });
  return table(rows, paint);
}

function sumText(stages: Plan["stages"]): string {
  const count = (decision: string) => stages.filter((stage) => stage.decision === decision).length;
  const parts = [
    `${count("hit")} cached`,
    `${count("run")} to run`,
    ...(count("resume") === 0 ? [] : [`${count("resume")} to resume`]),
  ];
  return `${countOf(stages.length, "stage")}: ${parts.join(", ")}`;
}
