import { expect, test } from "vitest";
import { emptyRunView, reduceRunView, type RunViewAction } from "../../../src/cli/run-view/run-view-state.ts";

const at = "2026-01-01T00:00:00.000Z";
const events: readonly RunViewAction[] = [
  {
    type: "run-started",
    at,
    runId: "r",
    pipeline: "p",
    config: "c",
    targets: [],
    stages: [{ id: "a", name: "a", needs: [], decision: "run", fingerprint: "f", reasons: [] }],
  },
  { type: "stage-started", at, stage: "a", fingerprint: "f", reasons: [] },
  { type: "stage-waiting", at, stage: "a", message: "job 7 is PENDING: Resources" },
];

test("a stage in a cluster's queue shows why it waits, and runs again as soon as it speaks", () => {
  const waiting = events.reduce(reduceRunView, emptyRunView);
  expect(waiting.stages[0]).toMatchObject({ state: "locked", note: "job 7 is PENDING: Resources" });
  const speaks = { type: "stage-log", at, stage: "a", stream: "log", line: "job 7 runs" } as const;
  const running = reduceRunView(waiting, speaks).stages[0];
  expect(running).toMatchObject({ state: "running", log: ["job 7 runs"] });
  expect(running).not.toHaveProperty("note");
});
