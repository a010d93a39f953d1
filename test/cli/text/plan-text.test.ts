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

test("a stage that leaves a checkpoint behind says so below its reasons, the furthest one first", () => {
  const left = (step: number) => ({
    fingerprint: String(step),
    step,
    config: "configs/tiny.yaml",
    differences: [],
    message: `a checkpoint of step ${step}`,
  });
  const changed = { code: "param-changed", message: "param devices: 1 → 2" } as const;
  const texts = (leaves: PlannedStage["leaves"] & object) =>
    planText(plan(stage("count", { reasons: [changed], leaves })), noPaint).split("\n");
  expect(texts([left(700)])).toEqual([
    "▶  count  run  unknown    param devices: 1 → 2",
    "                          a checkpoint of step 700",
    "",
    "1 stage: 0 cached, 1 to run",
  ]);
  expect(texts([left(700), left(20), left(3)])[1]).toContain(
    "a checkpoint of step 700; --json lists 2 further checkpoints",
  );
});
