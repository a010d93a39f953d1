import { expect, test } from "vitest";
import { noPaint } from "../../../src/cli/paint.ts";
import { planText } from "../../../src/cli/text/plan-text.ts";
import type { PlannedStage } from "../../../src/runner/plan-types.ts";

const stage = (id: string, rest: Partial<PlannedStage>): PlannedStage => ({
  id,
  name: id,
  decision: "run",
  reasons: [],
  fingerprint: null,
  needs: [],
  ...rest,
});

const plan = (...stages: PlannedStage[]) => ({ pipeline: "test", targets: [], stages });

test("a plan says what each stage will take, what is not known, and the sum of the rest", () => {
  const text = planText(
    plan(
      stage("words", { decision: "hit" }),
      stage("count", {
        decision: "resume",
        resumeStep: 40,
        resumeTotal: 400,
        predicted: { durationMs: 90_000, sizeBytes: 5_200_000, executions: 3 },
      }),
      stage("report", { reasons: [{ code: "never-ran", message: "it has no finished execution yet" }] }),
    ),
    noPaint,
  );
  expect(text.split("\n")).toEqual([
    "✔  words   cached",
    "◐  count   resume  ~1 min 30 s  5.2 MB  from step 40 of 400",
    "▶  report  run         unknown          it has no finished execution yet",
    "",
    "3 stages: 1 cached, 1 to run, 1 to resume",
    "by what they took before: about 1 min 30 s of work, 5.2 MB of disk, and 1 stage of which nothing is known",
  ]);
});

test("a plan of hits, and one without history, predict nothing", () => {
  expect(planText(plan(stage("words", { decision: "hit" })), noPaint)).not.toContain("about");
  expect(planText(plan(stage("words", {})), noPaint)).not.toContain("about");
});
