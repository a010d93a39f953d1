/** The compiled pipeline on two devices: killed and resumed, it gives the bytes of an undisturbed run, and nothing outlives it. */
import { readdirSync, readlinkSync } from "node:fs";
import { setTimeout } from "node:timers/promises";
import { expect, test } from "vitest";
import type { RunnerEvent } from "../../src/runner/event.ts";
import { createRealProject } from "./real-project.ts";

const sets = ["pretrain.devices=2", "pretrain.gradientAccumulation=2", "pretrain.microBatchSize=2"];
const command = ["pretrain", ...sets.flatMap((set) => ["--set", set])];

const digestIn = (events: readonly RunnerEvent[]) =>
  events.flatMap((event) =>
    event.type === "stage-finished" && event.stage === "pretrain"
      ? [event.outputs["checkpoint"]?.digest]
      : [],
  );

/** Processes that run in this folder, as stages and their replicas do. */
const processesIn = (folder: string): string[] =>
  readdirSync("/proc").filter((pid) => {
    try {
      return /^\d+$/.test(pid) && readlinkSync(`/proc/${pid}/cwd`) === folder;
    } catch {
      return false; // gone meanwhile
    }
  });

async function expectNobodyIn(folder: string): Promise<void> {
  for (let tries = 0; processesIn(folder).length > 0 && tries < 600; tries++) await setTimeout(50);
  expect(processesIn(folder)).toEqual([]);
}

test.skipIf(process.platform !== "linux")(
  "the runner killed, then the stage killed, then run: the same checkpoint as of a run from scratch",
  async () => {
    using project = createRealProject();
    await project.runAndKill("runner", 20, ...command);
    await expectNobodyIn(project.directory);
    const { stderr } = await project.runAndKill("stage", 40, ...command);
    expect(stderr).toContain("STAGE_KILLED");
    await expectNobodyIn(project.directory);
    const resumed = digestIn(await project.run(...command));
    const scratch = digestIn(await project.run("--force", "pretrain", ...command));
    expect(resumed).toEqual([expect.stringMatching(/^[0-9a-f]{64}$/)]);
    expect(resumed).toEqual(scratch);
  },
  240_000,
);

test("more devices than a step has micro-batches are refused before anything runs", async () => {
  using project = createRealProject();
  const set = ["--config", "smallest", "--set", "pretrain.devices=2"];
  const { exitCode, stderr } = await project.pipeline("plan", ...set);
  expect(exitCode).toBe(2);
  expect(stderr).toContain("are more than the 1 micro-batches of a step");
});
