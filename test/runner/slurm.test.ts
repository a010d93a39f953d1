/** Stages as jobs of a real Slurm; skipped, and saying so, where there is none that can be started. */
import { existsSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, afterEach, beforeEach, describe, expect, test } from "vitest";
import type { RunnerEvent } from "../../src/runner/event.ts";
import type { RunSummary } from "../../src/runner/session-types.ts";
import { Command } from "./command.ts";
import { outcomes, Project } from "./project.ts";
import { startSlurm, until } from "./slurm-rig.ts";

const slurm = await startSlurm();
const absent = typeof slurm === "string";

describe.skipIf(absent)(absent ? `Slurm (skipped: ${slurm})` : "Slurm", () => {
  if (absent) return;
  const env = { ...process.env, ...slurm.env };
  let project: Project;
  beforeEach(() => {
    project = new Project();
    settings();
  });
  afterEach(async () => {
    for (const { id } of slurm.jobs(project.root)) slurm.call("scancel", id);
    await slurm.untilNoJobs(project.root);
    project.remove();
  });
  afterAll(() => slurm.stop());

  const settings = (...more: readonly string[]): void => {
    const lines = ["kind: slurm", "pollSeconds: 0.3", "graceSeconds: 2", ...more];
    project.write("settings.yaml", `executor:\n${lines.map((line) => `  ${line}\n`).join("")}`);
  };
  const command = (args: readonly string[], more: Readonly<Record<string, string>> = {}): Command =>
    new Command(project.root, args, { ...slurm.env, ...more });
  const job = async (): Promise<string> => {
    await until("one job", () => slurm.jobs(project.root).length === 1);
    return slurm.jobs(project.root)[0]?.id ?? "";
  };
  const leftOver = (): string[] => {
    const root = join(project.root, "cache/slurm");
    return existsSync(root) ? readdirSync(root) : [];
  };
  /** The digest of count's output, as a local run of another project makes it. */
  const digestUndisturbed = async (): Promise<string> => {
    const other = new Project();
    try {
      return digestOf(await other.run(["count"]));
    } finally {
      other.remove();
    }
  };

  test("gives the digests of a local run", async () => {
    const bySlurm = await project.run([], {}, { env });
    expect(outcomes(bySlurm)).toEqual({
      words: "executed",
      count: "executed",
      report: "executed",
      side: "executed",
    });
    expect(digestOf(bySlurm)).toBe(await digestUndisturbed());
    expect(bySlurm.events).toContainEqual(
      expect.objectContaining({
        type: "stage-log",
        stage: "side",
        stream: "stdout",
        line: "side says hello",
      }),
    );
    expect(stepsOf(bySlurm.events)).toEqual([1, 2, 3, 4, 5]);
    expect(leftOver()).toEqual([]);
  }, 300_000);

  test("a stage gets the accelerators and the CPUs that it asks for", async () => {
    project.edit("stages/side.ts", `params: z.`, `resources: { cpus: 3, accelerators: 1 }, params: z.`);
    project.edit(
      "stages/side.ts",
      `console.log("side says hello")`,
      `console.log("devices " + process.env["CUDA_VISIBLE_DEVICES"] + " cpus " + process.env["SLURM_CPUS_PER_TASK"])`,
    );
    const { events } = await project.run(["side"], {}, { env });
    expect(events).toContainEqual(
      expect.objectContaining({ type: "stage-log", stream: "stdout", line: "devices 0 cpus 3" }),
    );
  }, 300_000);

  test("kill -9 of the runner: the job goes on, and the next run follows it and commits", async () => {
    project.edit("stages/count.ts", `await sleep(600_000,`, `while (!existsSync("go")) await sleep(50,`);
    const run = command(["run", "count", "--json"], { HANG_AT: "3" });
    await run.until(isCheckpoint(3));
    run.child.kill("SIGKILL");
    await run.ended;
    const id = await job();

    const again = command(["run", "count", "--json"]);
    await again.until(isCheckpoint(3));
    expect(await job()).toBe(id);
    writeFileSync(join(project.root, "go"), "");
    expect((await again.ended).exitCode).toBe(0);
    expect(project.executed()).toEqual(["words", "count from 0"]);
    expect(stepsOf(again.events)).toEqual([1, 2, 3, 4, 5]);
    expect(digestOfEvents(again.events)).toBe(await digestUndisturbed());
    expect(leftOver()).toEqual([]);
  }, 300_000);

  test("a job that finished while no runner lived is committed by the next run", async () => {
    project.edit("stages/count.ts", `await sleep(600_000,`, `while (!existsSync("go")) await sleep(50,`);
    const run = command(["run", "count", "--json"], { HANG_AT: "3" });
    await run.until(isCheckpoint(3));
    run.child.kill("SIGKILL");
    await run.ended;
    expect(existsSync(join(project.root, "artifacts/count"))).toBe(false);
    writeFileSync(join(project.root, "go"), "");
    await slurm.untilNoJobs(project.root);

    const again = command(["run", "count", "--json"]);
    expect((await again.ended).exitCode).toBe(0);
    expect(project.executed()).toEqual(["words", "count from 0"]);
    expect(stepsOf(again.events)).toEqual([1, 2, 3, 4, 5]);
    expect(digestOfEvents(again.events)).toBe(await digestUndisturbed());
  }, 300_000);

  test("slices: asked before its time limit, a stage writes a checkpoint, is requeued and gives the same digest", async () => {
    // Slurm looks at limits once a minute and may ask early: the first slice is asked within that minute.
    settings("timeLimit: '5'", "signalSecondsBefore: 299");
    project.edit(
      "stages/count.ts",
      `if (String(state.step) === process.env["HANG_AT"])`,
      `if (state.step === 2 && !process.env["SLURM_RESTART_COUNT"])`,
    );
    const run = await project.run(["count"], {}, { env });
    expect(outcomes(run)).toMatchObject({ count: "executed" });
    expect(project.executed()).toEqual(["words", "count from 0", "count from 2"]);
    expect(stepsOf(run.events)).toEqual([1, 2, 3, 4, 5]);
    expect(digestOf(run)).toBe(await digestUndisturbed());
    const status = await project.with((session) => session.status(), { env });
    expect(status.stages.find(({ id }) => id === "count")?.latest?.resumedFrom).toEqual([2]);
  }, 300_000);

  test("slices go on while the runner is dead", async () => {
    project.edit(
      "stages/count.ts",
      `if (String(state.step) === process.env["HANG_AT"])`,
      `if (state.step <= 2 && String(state.step - 1) === (process.env["SLURM_RESTART_COUNT"] ?? "0"))`,
    );
    const run = command(["run", "count", "--json"]);
    await run.until(isCheckpoint(1));
    run.child.kill("SIGKILL");
    await run.ended;
    const id = await job();
    slurm.call("scancel", "--batch", "--signal=USR1", id);
    await until(
      "the second slice",
      () =>
        slurm.call("scontrol", "show", "job", id).includes("Restarts=1") &&
        slurm.jobs(project.root)[0]?.state === "RUNNING",
    );
    const again = command(["run", "count", "--json"]);
    await again.until(isCheckpoint(2));
    slurm.call("scancel", "--batch", "--signal=USR1", id);
    expect((await again.ended).exitCode).toBe(0);
    expect(project.executed()).toEqual(["words", "count from 0", "count from 1", "count from 2"]);
    expect(again.events).toContainEqual(expect.objectContaining({ type: "stage-waiting", stage: "count" }));
    expect(digestOfEvents(again.events)).toBe(await digestUndisturbed());
    const status = await project.with((session) => session.status(), { env });
    expect(status.stages.find(({ id }) => id === "count")?.latest?.resumedFrom).toEqual([1, 2]);
  }, 300_000);

  test("a slice without a newer checkpoint fails instead of being requeued", async () => {
    project.edit(
      "stages/count.ts",
      "state = { step: state.step + 1",
      `if (state.step === 2) await sleep(600_000, undefined, { signal: context.signal });
       state = { step: state.step + 1`,
    );
    const run = command(["run", "count", "--json"]);
    await run.until(isCheckpoint(2));
    const id = await job();
    slurm.call("scancel", "--batch", "--signal=USR1", id);
    await until("the second slice", () => project.read("trace.txt").includes("count from 2"));
    slurm.call("scancel", "--batch", "--signal=USR1", id);
    expect((await run.ended).exitCode).toBe(1);
    expect(run.events).toContainEqual(failedBy("SLICE_WITHOUT_PROGRESS"));
    expect(slurm.jobs(project.root)).toEqual([]);
  }, 300_000);

  test("a stage that fails by itself fails the run with its own error, and is not requeued", async () => {
    project.write("configs/test.yaml", "side:\n  mode: throw\n");
    const run = await project.run(["side"], {}, { env });
    expect(run.stages[0]?.error).toMatchObject({ message: "side failed on purpose" });
    expect(slurm.jobs(project.root)).toEqual([]);
    expect(leftOver()).toEqual([]);
  }, 300_000);

  test("a job that ends without an answer is a failure with its last words", async () => {
    project.write("configs/test.yaml", "side:\n  mode: exit\n");
    const run = await project.run(["side"], {}, { env });
    expect(run.stages[0]?.error).toMatchObject({ code: "SLURM_JOB_FAILED" });
    expect(run.stages[0]?.error?.message).toContain("exit code 7:0");
    expect(run.stages[0]?.error?.message).toContain("last words");
  }, 300_000);

  test("a job that is cancelled from outside is told as such, and the next run resumes", async () => {
    const run = command(["run", "count", "--json"], { BLOCK_AT: "2" });
    await run.until(isCheckpoint(2));
    slurm.call("scancel", await job());
    expect((await run.ended).exitCode).toBe(1);
    expect(run.events).toContainEqual(failedBy("SLURM_CANCELLED"));
    project.executed();
    const again = command(["run", "count", "--json"]);
    expect((await again.ended).exitCode).toBe(0);
    expect(project.executed()).toEqual(["count from 2"]);
  }, 300_000);

  test("a stage that needs more memory than it asked for is told so", async () => {
    project.edit("stages/side.ts", `params: z.`, `resources: { memoryBytes: 150e6 }, params: z.`);
    project.edit(
      "stages/side.ts",
      `console.log("side says hello")`,
      `const held = Buffer.alloc(600e6, 1); await new Promise((resolve) => setTimeout(resolve, 60_000, held))`,
    );
    const run = await project.run(["side"], {}, { env });
    expect(run.stages[0]?.error).toMatchObject({ code: "SLURM_OUT_OF_MEMORY" });
    expect(run.stages[0]?.error?.hint).toContain("memoryBytes");
  }, 300_000);

  test("Ctrl-C once: checkpoint and stop with exit code 130, then resume", async () => {
    const run = command(["run", "count", "--json"], { HANG_AT: "2" });
    await run.until(isCheckpoint(2));
    run.child.kill("SIGINT");
    expect((await run.ended).exitCode).toBe(130);
    expect(run.events).toContainEqual(
      expect.objectContaining({ type: "stage-interrupted", checkpointStep: 2 }),
    );
    expect(slurm.jobs(project.root)).toEqual([]);
    project.executed();
    expect((await command(["run", "count"]).ended).exitCode).toBe(0);
    expect(project.executed()).toEqual(["count from 2"]);
  }, 300_000);

  test("Ctrl-C twice: a stage that cannot answer is ended", async () => {
    const run = command(["run", "count", "--json"], { BLOCK_AT: "2" });
    await run.until(isCheckpoint(2));
    run.child.kill("SIGINT");
    // One signal may swallow another that comes before it was handled.
    await until("an answer to the first", () => run.stderr.includes("stopping"));
    run.child.kill("SIGINT");
    expect((await run.ended).exitCode).toBe(130);
    expect(slurm.jobs(project.root)).toEqual([]);
  }, 300_000);

  test("Ctrl-C takes a job that waits in the queue out of it", async () => {
    settings("arguments: [--hold]");
    const run = command(["run", "side", "--json"]);
    await run.until((event) => event.type === "stage-waiting" && event.message.includes("JobHeldUser"));
    run.child.kill("SIGINT");
    expect((await run.ended).exitCode).toBe(130);
    expect(slurm.jobs(project.root)).toEqual([]);
    expect(project.executed()).toEqual([]);
  }, 300_000);
});

const isCheckpoint = (step: number) => (event: RunnerEvent) =>
  event.type === "stage-checkpoint" && event.step === step;

const failedBy = (code: string): unknown =>
  expect.objectContaining({ type: "stage-failed", error: expect.objectContaining({ code }) as object });

const stepsOf = (events: readonly RunnerEvent[]): number[] =>
  events.flatMap((event) => (event.type === "stage-progress" ? [event.progress.done] : []));

const digestOf = ({ stages }: RunSummary): string =>
  stages.find(({ id }) => id === "count")?.outputs["total"]?.digest ?? "no total";

const digestOfEvents = (events: readonly RunnerEvent[]): string => {
  const made = events.find((event) => event.type === "stage-finished" && event.stage === "count");
  return made?.type === "stage-finished" ? (made.outputs["total"]?.digest ?? "no total") : "not finished";
};
