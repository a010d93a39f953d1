/** Stages that fail, take too long, or read what changes under them. */
import { chmodSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import type { RunnerEvent } from "../../src/runner/event.ts";
import { outcomes, Project } from "./project.ts";

let project: Project;
beforeEach(() => {
  project = new Project();
});
afterEach(() => project.remove());

/** Adds fields to the definition of a stage. */
const declare = (stage: string, fields: string): void =>
  project.edit(`stages/${stage}.ts`, `name: "${stage}",`, `name: "${stage}", ${fields},`);

const retries = (events: readonly RunnerEvent[]) => events.filter(({ type }) => type === "stage-retry");

/** Counting fails at its second step, as often as it is told, after that step's checkpoint. */
function failAtTwo(times: number): void {
  project.edit(
    "stages/count.ts",
    'if (context.signal.aborted) throw new Error("stopped at " + state.step);',
    `if (state.step === 2) {
      const failures = existsSync("failures") ? Number(readFileSync("failures", "utf8")) : 0;
      writeFileSync("failures", String(failures + 1));
      if (failures < ${times}) throw new Error("the line went dead");
      trace("recovered"); }`,
  );
}

test("a retryable stage is tried again from its checkpoint, every try is told, and the record counts them", async () => {
  declare("count", "retry: { attempts: 3, backoffMs: 1 }");
  failAtTwo(1);
  const summary = await project.run(["count"]);
  expect(summary).toMatchObject({ status: "succeeded", executed: 2 });
  expect(retries(summary.events)).toEqual([
    expect.objectContaining({
      stage: "count",
      attempt: 2,
      attempts: 3,
      delayMs: 1,
      resumeStep: 2,
      error: expect.objectContaining({ message: "the line went dead" }) as object,
    }),
  ]);
  expect(project.executed()).toEqual(["words", "count from 0", "count from 2"]);
  const { stages } = await project.with((session) => session.status());
  expect(stages[1]?.latest).toMatchObject({ retries: 1, resumedFrom: [2] });
});

test("a stage that fails at every try fails with the last error", async () => {
  declare("side", "retry: { attempts: 3, backoffMs: 1 }");
  const summary = await project.run(["side"], {}, { set: ["side.mode=throw"] });
  expect(summary).toMatchObject({ status: "failed", exitCode: 1 });
  expect(project.executed()).toEqual(["side", "side", "side"]);
  expect(retries(summary.events)).toHaveLength(2);
});

test("a stage that declares no retry is not tried again", async () => {
  const summary = await project.run(["side"], {}, { set: ["side.mode=throw"] });
  expect(project.executed()).toEqual(["side"]);
  expect(retries(summary.events)).toEqual([]);
});

test("an interrupt during the pause ends it", async () => {
  declare("side", "retry: { attempts: 2, backoffMs: 3_600_000 }");
  const controller = new AbortController();
  const summary = await project.run(
    ["side"],
    { signal: controller.signal, onEvent: ({ type }) => type === "stage-retry" && controller.abort() },
    { set: ["side.mode=throw"] },
  );
  expect(summary).toMatchObject({ status: "interrupted", exitCode: 130 });
  expect(project.executed()).toEqual(["side"]);
});

test("a slice that takes too long writes its checkpoint, and the next run goes on from it", async () => {
  declare("count", "timeoutMs: 5_000");
  const summary = await project.run(["count"], {}, { env: { ...process.env, HANG_AT: "3" } });
  expect(summary).toMatchObject({ status: "failed", exitCode: 1 });
  expect(summary.stages[1]?.error).toMatchObject({
    code: "STAGE_TIMED_OUT",
    message: expect.stringContaining("5 s") as string,
    hint: expect.stringContaining("goes on from step 3") as string,
  });
  const { stages } = await project.with((session) => session.plan(["count"]));
  expect(stages[1]).toMatchObject({ decision: "resume", resumeStep: 3, resumeTotal: 5 });
});

test("a slice that holds its event loop beyond its time is killed after a grace period", async () => {
  declare("count", "timeoutMs: 1_000");
  const summary = await project.run(["count"], {}, { env: { ...process.env, BLOCK_AT: "1" } });
  expect(summary.stages[1]?.error).toMatchObject({ code: "STAGE_TIMED_OUT" });
});

test("the duration of an execution is the work of all its slices", async () => {
  project.edit(
    "stages/count.ts",
    "context.checkpointed(state.step);",
    "await sleep(60); context.checkpointed(state.step);",
  );
  await project.run(["count"], {}, { env: { ...process.env, DIE_AT: "4", DIE_BY: "SIGKILL" } });
  const summary = await project.run(["count"]);
  const slice = summary.events.find((event) => event.type === "stage-finished");
  const { stages } = await project.with((session) => session.status());
  // Four of the five steps were in the first slice.
  expect(stages[1]?.latest?.durationMs).toBeGreaterThanOrEqual((slice?.durationMs ?? 0) + 4 * 55);
});

test("an artifact that changes while a stage reads it fails the stage: nothing is kept, nothing follows", async () => {
  await project.run(["words"]);
  const file = await project.with((session) =>
    Promise.resolve(join(session.output("words", "words")?.directory ?? "", "value.txt")),
  );
  const summary = await project.run(["report"], {
    onEvent: (event) => {
      if (event.type !== "stage-checkpoint" || event.step !== 2) return;
      chmodSync(file, 0o644);
      writeFileSync(file, "7");
    },
  });
  expect(outcomes(summary)).toEqual({ words: "hit", count: "failed", report: "skipped" });
  expect(summary.stages[1]?.error).toMatchObject({
    code: "INPUT_CHANGED",
    message: expect.stringContaining("input words") as string,
    hint: expect.stringContaining("npx pipeline run count") as string,
  });
  // Not even a checkpoint: it was counted from the wrong number.
  expect(readdirSync(join(project.root, "cache/checkpoints"))).toEqual([]);
  project.executed();
  expect(outcomes(await project.run(["report"]))).toMatchObject({ words: "executed", count: "executed" });
  expect(readFileSync(file, "utf8")).toBe("9");
});

test("a declared file that changes while the stage reads it fails the stage; a touch does not", async () => {
  declare("side", 'files: () => ["notes"]');
  const notes = join(project.root, "notes");
  mkdirSync(notes);
  writeFileSync(join(notes, "a.txt"), "one");
  const during = (text: string) => (event: RunnerEvent) => {
    if (event.type === "stage-log") writeFileSync(join(notes, "a.txt"), text);
  };
  const touched = await project.run(["side"], { onEvent: during("one") });
  expect(outcomes(touched)).toEqual({ side: "executed" });
  const changed = await project.run(["side"], { force: ["side"], onEvent: during("two") });
  expect(changed.stages[0]?.error).toMatchObject({
    code: "INPUT_CHANGED",
    message: expect.stringContaining("notes") as string,
  });
  // Its fingerprint is another one now.
  expect(outcomes(await project.run(["side"]))).toEqual({ side: "executed" });
});
