/** Runs that outlive their starter, seen and stopped from other processes. */
import { existsSync, readdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { execa } from "execa";
import { afterEach, beforeEach, expect, test } from "vitest";
import type { RunnerEvent } from "../../src/runner/event.ts";
import { liveRuns } from "../../src/runner/live-runs.ts";
import { packageRoot, Project } from "../runner/project.ts";

let project: Project;
beforeEach(() => {
  project = new Project();
});
afterEach(async () => {
  for (const { process: runner } of liveRuns(join(project.root, "cache")))
    process.kill(runner.pid, "SIGKILL");
  await until(() => liveRuns(join(project.root, "cache")).length === 0);
  project.remove();
});

const bin = join(packageRoot, "bin/pipeline.js");
const hanging = { HANG_AT: "3" };

const start = (args: readonly string[], env: Readonly<Record<string, string>> = {}) =>
  execa(process.execPath, [bin, ...args], { cwd: project.root, reject: false, stdin: "ignore", env });

async function until(holds: () => boolean): Promise<void> {
  while (!holds()) await sleep(50);
}

const eventsOf = (stdout: string): RunnerEvent[] =>
  stdout.split("\n").map((line) => JSON.parse(line) as RunnerEvent);

interface Detached {
  readonly runId: string;
  readonly pid: number;
  readonly events: string;
  readonly output: string;
}

async function detach(
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
): Promise<Detached> {
  const { exitCode, stdout, stderr } = await start(["run", "--detach", "--json", ...args], env);
  expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: "" });
  return JSON.parse(stdout) as Detached;
}

const hasReached = (run: Detached, step: number): boolean =>
  project.read(run.events).includes(`"type":"stage-checkpoint","stage":"count","step":${step}`);

async function totalOf(made: Project): Promise<string> {
  const { stdout } = await execa(process.execPath, [bin, "run", "count", "--json"], { cwd: made.root });
  const event = eventsOf(stdout).find(
    (each) => (each.type === "stage-hit" || each.type === "stage-finished") && each.stage === "count",
  );
  if (event === undefined || !("outputs" in event)) throw new Error("count was not made");
  return event.outputs["total"]?.digest ?? "";
}

test("a run in the background outlives the shell that started it, and attach sees it from beginning to end", async () => {
  const command = [process.execPath, bin, "run", "--detach", "--json", "report"];
  const shell = execa("sh", ["-c", `'${command.join("' '")}'; sleep 600`], {
    cwd: project.root,
    reject: false,
    detached: true,
  });
  let run: Detached | undefined;
  for await (const line of shell.iterable()) {
    run = JSON.parse(line) as Detached;
    // The whole group: what closing a terminal does, and worse.
    if (shell.pid !== undefined) process.kill(-shell.pid, "SIGHUP");
    if (shell.pid !== undefined) process.kill(-shell.pid, "SIGKILL");
  }
  await shell;
  if (run === undefined) throw new Error("nothing was started");
  process.kill(run.pid, "SIGHUP");
  const { exitCode, stdout } = await start(["attach", run.runId, "--json"]);
  const events = eventsOf(stdout);
  expect(exitCode).toBe(0);
  expect(events[0]).toMatchObject({ type: "run-started", runId: run.runId, targets: ["report"] });
  expect(events.at(-1)).toMatchObject({ type: "run-finished", status: "succeeded", executed: 3 });
  expect(project.read(run.output)).toContain("report: done");
}, 120_000);

test("attach finds a run of another terminal, and ends with its exit code", async () => {
  const run = start(["run", "count", "--json"], hanging);
  await until(() => liveRuns(join(project.root, "cache")).length === 1);
  const attached = start(["attach"]);
  for await (const line of attached.iterable()) if (line.includes("count: started")) run.kill("SIGINT");
  expect((await run).exitCode).toBe(130);
  const { exitCode, stdout } = await attached;
  expect(exitCode).toBe(130);
  expect(stdout).toMatch(/words: done.*[^]*■ stopped after .*: count stopped; goes on from step/);
}, 120_000);

test("attach shows what a run came to that has ended, with its exit code", async () => {
  const { exitCode: first } = await start(["run", "side", "--set", "side.mode=throw"]);
  const [runId = ""] = readdirSync(join(project.root, "cache/logs"));
  const { exitCode, stdout } = await start(["attach", runId.slice(-6)]);
  expect([first, exitCode]).toEqual([1, 1]);
  expect(stdout).toMatch(/^\s*✖ failed after/);
  expect(stdout).toContain("side failed on purpose");
  expect(stdout).toContain("go on with npx pipeline run side --set side.mode=throw");
}, 120_000);

test("Ctrl-C in attach leaves the run as it is", async () => {
  const { runId } = await detach(["count"], hanging);
  const attached = start(["attach"]);
  for await (const line of attached.iterable()) if (line.includes("count: started")) attached.kill("SIGINT");
  const { exitCode, stderr } = await attached;
  expect(exitCode).toBe(130);
  expect(stderr).toContain(`detached; run ${runId} goes on`);
  expect((await start(["status"])).stdout).toContain(`▶ run ${runId} of count, started`);
  expect(liveRuns(join(project.root, "cache"))).toHaveLength(1);
}, 120_000);

test("stop leaves a checkpoint, and the next run resumes to the same bytes", async () => {
  const run = await detach(["count"], hanging);
  await until(() => hasReached(run, 3));
  const { exitCode, stdout } = await start(["stop", "--json"]);
  expect(exitCode).toBe(0);
  expect(JSON.parse(stdout)).toEqual({
    runId: run.runId,
    status: "interrupted",
    stages: [
      { id: "words", state: "done" },
      { id: "count", state: "interrupted", checkpointStep: 3 },
    ],
  });
  expect(liveRuns(join(project.root, "cache"))).toEqual([]);
  project.executed();
  const resumed = await totalOf(project);
  expect(project.executed()).toEqual(["count from 3"]);
  const other = new Project();
  expect(resumed).toBe(await totalOf(other));
  other.remove();
}, 120_000);

test("stop --now ends a stage that cannot answer", async () => {
  const run = await detach(["count"], { BLOCK_AT: "2" });
  await until(() => hasReached(run, 2));
  const { exitCode, stdout } = await start(["stop", run.runId, "--now"]);
  expect(exitCode).toBe(0);
  expect(stdout).toContain("count stopped; goes on from step 2");
}, 120_000);

test("a background run that was killed is not alive, and nothing of it hinders the next", async () => {
  const run = await detach(["count"], hanging);
  await until(() => hasReached(run, 3));
  process.kill(run.pid, "SIGKILL");
  const attached = await start(["attach", run.runId]);
  expect(attached.exitCode).toBe(1);
  expect(attached.stdout).toContain("the run ended early");
  for (const command of [["stop"], ["attach"], ["stop", run.runId]]) {
    const { exitCode, stderr } = await start(command);
    expect(exitCode).toBe(2);
    expect(stderr).toContain("error NO_LIVE_RUN");
  }
  expect((await start(["run", "count"])).exitCode).toBe(0);
  expect(readdirSync(join(project.root, "cache/live"))).toEqual([]);
}, 120_000);

test("a run that cannot start says why, with its exit code, and leaves nothing alive", async () => {
  const { exitCode, stdout, stderr } = await start(["run", "reprot", "--detach"]);
  expect({ exitCode, stdout }).toEqual({ exitCode: 2, stdout: "" });
  expect(stderr).toContain("error UNKNOWN_TARGET");
  expect(existsSync(join(project.root, "cache/live"))).toBe(false);
}, 120_000);

test("in the middle of an edit a run can be followed, asked about and stopped", async () => {
  const run = await detach(["count"], hanging);
  await until(() => hasReached(run, 3));
  project.edit("stages/words.ts", "defineStage({", "defineStage({{");
  const notice = /^notice: .*stages\/words\.ts.*; (\w+) goes on with what was compiled last$/m;

  const runs = await start(["runs", "--json"]);
  expect({ exitCode: runs.exitCode, runs: JSON.parse(runs.stdout) as unknown }).toEqual({
    exitCode: 0,
    runs: { runs: [], killed: [] },
  });
  const logs = await start(["logs", "count"]);
  expect(logs).toMatchObject({ exitCode: 0, stderr: expect.stringMatching(notice) as string });
  const stopped = await start(["stop"]);
  expect(stopped.exitCode).toBe(0);
  expect(notice.exec(stopped.stderr)?.[1]).toBe("stop");
  expect(stopped.stdout).toContain("count stopped; goes on from step 3");
  expect((await start(["attach", run.runId])).exitCode).toBe(130);

  const plan = await start(["plan"]);
  expect(plan).toMatchObject({ exitCode: 2, stderr: expect.stringContaining("SOURCE_INVALID") as string });
  rmSync(join(project.root, "cache/compiled"), { recursive: true });
  const nothing = await start(["stop"]);
  expect(nothing).toMatchObject({ exitCode: 2, stderr: expect.stringContaining("SOURCE_INVALID") as string });
}, 120_000);
