/** Killed at any point, training goes on from its last checkpoint and ends with the bytes of an undisturbed run. */
import { expect, test } from "vitest";
import type { RunnerEvent } from "../../src/runner/event.ts";
import { createRealProject } from "./real-project.ts";

function pretraining<T extends "stage-started" | "stage-finished">(events: readonly RunnerEvent[], type: T) {
  return events.find(
    (event): event is Extract<RunnerEvent, { type: T }> => event.type === type && event.stage === "pretrain",
  );
}

test("the runner killed, then the stage killed, then run: the same checkpoint as of a run from scratch", async () => {
  using project = createRealProject();

  const first = await project.runAndKill("runner", 20, "pretrain");
  expect(first.exitCode).toBeUndefined();
  const plan = await project.plan("pretrain");
  const planned = plan.stages.at(-1);
  expect(planned).toMatchObject({ id: "pretrain", decision: "resume" });
  expect(planned?.resumeStep).toBeGreaterThanOrEqual(20);
  expect(plan.stages.slice(0, -1).map(({ decision }) => decision)).toEqual(["hit", "hit", "hit", "hit"]);

  const second = await project.runAndKill("stage", 40, "pretrain");
  expect(second.exitCode).toBe(1);
  expect(second.stderr).toContain("error STAGE_KILLED: the process of stage pretrain was killed by SIGKILL");
  expect(second.stderr).toMatch(/^hint: .*last checkpoint/m);

  const third = await project.run("pretrain");
  expect(pretraining(third, "stage-started")?.resumeStep).toBeGreaterThanOrEqual(40);
  const resumed = pretraining(third, "stage-finished");

  const scratch = await project.run("pretrain", "--force", "pretrain");
  expect(pretraining(scratch, "stage-started")).not.toHaveProperty("resumeStep");
  const undisturbed = pretraining(scratch, "stage-finished");
  expect(resumed?.fingerprint).toBe(undisturbed?.fingerprint);
  expect(resumed?.outputs["checkpoint"]?.digest).toMatch(/^[0-9a-f]{64}$/);
  expect(resumed?.outputs["checkpoint"]?.digest).toBe(undisturbed?.outputs["checkpoint"]?.digest);
}, 180_000);
