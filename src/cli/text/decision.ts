/** How a plan's decision looks, the same in plan, status and why. */
import { countOf } from "../../report/quantity.ts";
import type { PlannedStage } from "../../runner/plan-types.ts";
import type { Style } from "../paint.ts";

export interface DecisionLook {
  readonly mark: string;
  readonly word: string;
  readonly style: Style;
}

export const decisionLooks: Readonly<Record<PlannedStage["decision"], DecisionLook>> = {
  hit: { mark: "✔", word: "cached", style: "green" },
  run: { mark: "▶", word: "run", style: "cyan" },
  resume: { mark: "◐", word: "resume", style: "yellow" },
};

/** The reasons as sentences; a resume says where it goes on, and each what it leaves behind. */
export function reasonTexts({
  decision,
  reasons,
  resumeStep,
  resumeTotal,
  leaves = [],
}: Pick<PlannedStage, "decision" | "reasons" | "resumeStep" | "resumeTotal" | "leaves">): readonly string[] {
  const told = decision === "resume" && resumeStep !== undefined ? "checkpoint-found" : undefined;
  const sentences = reasons
    .filter(({ code }) => code !== "cached" && code !== told)
    .map(({ message }) => message);
  sentences.push(...leftTexts(leaves));
  if (decision !== "resume" || resumeStep === undefined) return sentences;
  const of = resumeTotal === undefined ? "" : ` of ${resumeTotal}`;
  return [`from step ${resumeStep}${of}`, ...sentences];
}

/** The furthest one, and how many more there are. */
export function leftTexts([first, ...more]: NonNullable<PlannedStage["leaves"]>): readonly string[] {
  if (first === undefined) return [];
  const others = more.length === 0 ? "" : `; --json lists ${countOf(more.length, "further checkpoint")}`;
  return [`${first.message}${others}`];
}
