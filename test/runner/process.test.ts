/** The whole program as processes: started through bin/pipeline.js, interrupted, killed, started again. */
import { existsSync, readdirSync, readFileSync, utimesSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import type { RunnerEvent } from "../../src/runner/event.ts";
import { Command, type Ended } from "./command.ts";
import { Project } from "./project.ts";

let project: Project;
beforeEach(() => {
  project = new Project();
});
afterEach(() => project.remove());

const command = (args: readonly string[], env?: Readonly<Record<string, string>>): Command =>
  new Command(project.root, args, env);

const pipeline = (args: readonly string[], env?: Readonly<Record<string, string>>): Promise<Ended> =>
  command(args, env).ended;

const checkpointOf = (step: number) => (event: RunnerEvent) =>
  event.type === "stage-checkpoint" && event.step === step;

/** Processes whose command line names this project. */
function living(): number[] {
  return readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .filter((pid) => {
      try {
        const state = readFileSync(`/proc/${pid}/stat`, "utf8").split(") ")[1]?.[0];
        return state !== "Z" && readFileSync(`/proc/${pid}/cmdline`, "utf8").includes(project.root);
      } catch {
        return false; // it ended while we looked
      }
    })
    .map(Number);
}

async function untilNobodyLives(): Promise<void> {
  while (living().length > 0) await new Promise((resolve) => setTimeout(resolve, 50));
}

async function digestOfTotal(): Promise<string> {
  const { stdout } = await pipeline(["run", "count", "--json"]);
  const lines = stdout.split("\n").map((line) => JSON.parse(line) as RunnerEvent);
  const made = lines.find(
    (event) => (event.type === "stage-hit" || event.type === "stage-finished") && event.stage === "count",
  );
  if (made === undefined || !("outputs" in made)) throw new Error("count was not made");
  return made.outputs["total"]?.digest ?? "";
}

async function digestUndisturbed(): Promise<string> {
  const disturbed = project;
  project = new Project();
  try {
    return await digestOfTotal();
  } finally {
    project.remove();
    project = disturbed;
  }
}

test.each([
  ["waits", "HANG_AT"],
  ["holds its event loop in native code", "BLOCK_AT"],
])(
  "kill -9 of the runner while the stage %s: the stage dies too, and the next run resumes to the same bytes",
  async (_what, how) => {
    const run = command(["run", "count", "--json"], { [how]: "3" });
    await run.until(checkpointOf(3));
    expect(living()).toHaveLength(1); // the stage; the runner's command line names the package
    run.child.kill("SIGKILL");
    await run.ended;
    await untilNobodyLives();
    project.executed();

    const plan = await pipeline(["plan", "count", "--json"]);
    expect(JSON.parse(plan.stdout)).toMatchObject({
      stages: [{ decision: "hit" }, { decision: "resume", resumeStep: 3 }],
    });
    const [started] = run.events;
    const runId = started !== undefined && "runId" in started ? started.runId : "none";
    const { killed } = JSON.parse((await pipeline(["runs", "--json"])).stdout) as { killed: object[] };
    expect(killed).toMatchObject([{ runId, targets: ["count"] }]);
    expect((await pipeline(["runs"])).stdout).toMatch(new RegExp(`^${runId} .* killed +\\S+: count$`, "m"));
    expect((await pipeline(["status"])).stdout).toContain(`run ${runId} of count, started`);
    const again = command(["run", "count", "--json"]);
    expect((await again.ended).exitCode).toBe(0);
    expect(project.executed()).toEqual(["count from 3"]);
    expect(again.events).toContainEqual(expect.objectContaining({ type: "warning", code: "STALE_LOCK" }));
    expect(readdirSync(join(project.root, "cache/work"))).toEqual([]);
    expect(readdirSync(join(project.root, "cache/checkpoints"))).toEqual([]);
    expect(await digestOfTotal()).toBe(await digestUndisturbed());
  },
  120_000,
);

test("kill -9 of the stage process: the runner says what happened, and the next run resumes to the same bytes", async () => {
  const run = command(["run", "count", "--json"], { BLOCK_AT: "2" });
  await run.until(checkpointOf(2));
  for (const pid of living()) process.kill(pid, "SIGKILL");
  expect((await run.ended).exitCode).toBe(1);
  expect(run.events).toContainEqual(
    expect.objectContaining({
      type: "stage-failed",
      error: expect.objectContaining({ code: "STAGE_KILLED" }) as object,
    }),
  );
  project.executed();
  expect((await pipeline(["run", "count"])).exitCode).toBe(0);
  expect(project.executed()).toEqual(["count from 2"]);
  expect(await digestOfTotal()).toBe(await digestUndisturbed());
}, 120_000);

test.each(["SIGINT", "SIGTERM"] as const)(
  "%s once: checkpoint and stop with exit code 130, then resume",
  async (signal) => {
    const run = command(["run", "--json"], { HANG_AT: "2" });
    await run.until(checkpointOf(2));
    run.child.kill(signal);
    expect((await run.ended).exitCode).toBe(130);
    expect(run.events).toContainEqual(
      expect.objectContaining({ type: "stage-interrupted", checkpointStep: 2 }),
    );
    expect(run.events.at(-1)).toMatchObject({ type: "run-finished", status: "interrupted" });
    expect(living()).toEqual([]);
    project.executed();
    expect((await pipeline(["run", "count"])).exitCode).toBe(0);
    expect(project.executed()).toEqual(["count from 2"]);
  },
  120_000,
);

test("Ctrl-C twice: a stage that cannot answer is stopped now, and its checkpoint stays", async () => {
  const run = command(["run", "count", "--json"], { BLOCK_AT: "2" });
  await run.until(checkpointOf(2));
  run.child.kill("SIGINT");
  // One signal may swallow another that comes before it was handled.
  while (run.child.exitCode === null && !run.stderr.includes("stopping"))
    await new Promise((resolve) => setTimeout(resolve, 20));
  run.child.kill("SIGINT");
  expect((await run.ended).exitCode).toBe(130);
  expect(living()).toEqual([]);
  project.executed();
  expect((await pipeline(["run", "count"])).exitCode).toBe(0);
  expect(project.executed()).toEqual(["count from 2"]);
}, 120_000);

test("two runners started at once share the work, and one waits for the other", async () => {
  await pipeline(["plan"]); // compiled once, so that both begin together
  const runs = [command(["run", "report", "--json"]), command(["run", "report", "--json"])];
  const ended = await Promise.all(runs.map((run) => run.ended));
  expect(ended.map(({ exitCode }) => exitCode)).toEqual([0, 0]);
  expect(project.executed().sort()).toEqual(["count from 0", "report", "words"]);
}, 120_000);

test("what is compiled is used until a source changes, and a touch is no change", async () => {
  const compiled = () =>
    readdirSync(join(project.root, "cache/compiled")).filter((name) => !name.endsWith(".json"));
  const record = () => project.read("cache/compiled/latest.json");
  await pipeline(["plan"]);
  const [first] = compiled();
  const before = record();
  await pipeline(["plan"]);
  expect(compiled()).toEqual([first]);
  utimesSync(join(project.root, "stages/words.ts"), new Date(0), new Date(0));
  await pipeline(["plan"]);
  expect(compiled()).toEqual([first]);
  expect(record()).not.toBe(before); // the new stat is kept
  project.edit("src/three.ts", "value * 3", "value * 4");
  await pipeline(["plan"]);
  expect(compiled()).toHaveLength(2);
  expect(record()).not.toContain(`"directory":"${first}"`);
}, 120_000);

test("a new file in stages/ is noticed, and two stages of one name are refused", async () => {
  await pipeline(["plan"]);
  project.write("stages/again.ts", project.read("stages/words.ts"));
  const { exitCode, stderr } = await pipeline(["plan"]);
  expect(exitCode).toBe(2);
  expect(stderr).toContain("STAGE_AMBIGUOUS");
  expect(stderr).toContain("stages/again.ts and stages/words.ts");
}, 120_000);

test("a syntax error in pipeline.ts is shown with file, line and column, and exit code 2", async () => {
  project.write("pipeline.ts", "export default {\n  a: 1,\n  b: = 2,\n};\n");
  const { exitCode, stderr } = await pipeline(["plan"]);
  expect(exitCode).toBe(2);
  expect(stderr).toContain("pipeline.ts:3:6");
  expect(stderr).toContain("hint: ");
}, 120_000);

test("a stage used in the pipeline that no file in stages/ exports is named", async () => {
  project.write("elsewhere.ts", project.read("stages/side.ts").replaceAll("../src", "./src"));
  project.edit("pipeline.ts", "./stages/side.ts", "./elsewhere.ts");
  project.edit("stages/side.ts", "export const side", "export const other = 1; const side");
  const { exitCode, stderr } = await pipeline(["plan"]);
  expect(exitCode).toBe(2);
  expect(stderr).toContain("STAGE_WITHOUT_FILE");
  expect(existsSync(join(project.root, "cache/index.mdb"))).toBe(true);
}, 120_000);
