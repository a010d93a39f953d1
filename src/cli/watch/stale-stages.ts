/** What an edit made stale: the stages whose reasons to run are new since the last plan. */
import type { Plan, PlannedStage } from "../../runner/plan-types.ts";

export function newlyStale(before: Plan | undefined, now: Plan): readonly PlannedStage[] {
  const known = new Map(before?.stages.map((stage) => [stage.id, ownReasons(stage)]));
  return now.stages.filter((stage) => {
    if (stage.decision === "hit") return false;
    const then = known.get(stage.id) ?? [];
    return ownReasons(stage).some((message) => !then.includes(message));
  });
}

/** Without what only says that something else comes first. */
const ownReasons = ({ reasons, decision }: PlannedStage): readonly string[] =>
  decision === "hit"
    ? []
    : reasons.filter(({ code }) => code !== "checkpoint-found").map(({ message }) => message);
