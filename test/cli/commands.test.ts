import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { parse } from "yaml";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { RunnerEvent } from "../../src/runner/event.ts";
import type { Plan } from "../../src/runner/plan-types.ts";
import type { CheckReport, GraphReport, StatusReport, WhyReport } from "../../src/runner/session-types.ts";
import { createDemoProject } from "./demo-project.ts";

const project = createDemoProject();
afterAll(() => project[Symbol.dispose]());

const pipeline = async (...commandLine: string[]) => {
  const { exitCode, stdout, stderr } = await project.start(...commandLine);
  return { exitCode, stdout, stderr };
};

async function json<Document>(...commandLine: string[]): Promise<Document> {
  const { exitCode, stdout, stderr } = await pipeline(...commandLine, "--json");
  expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: "" });
  return JSON.parse(stdout) as Document;
}

const decisions = ({ stages }: Plan) => stages.map(({ id, decision }) => [id, decision]);

beforeAll(async () => {
  const before = await json<Plan>("plan");
  expect(decisions(before)).toEqual([
    ["source", "run"],
    ["count", "run"],
  ]);
  const dryRun = await json<Plan>("run", "--dry-run");
  expect(dryRun).toEqual(before);
  const { exitCode, stdout } = await pipeline("run");
  expect(exitCode).toBe(0);
  expect(stdout).toContain("2 stages executed, 0 cached");
  expect(stdout).toContain("artifacts/count/numbers");
  expect(stdout).toContain("npx pipeline lineage count");
});

test("plan --json is one object with a decision, reasons and a fingerprint for each stage", async () => {
  const plan = await json<Plan>("plan", "count");
  expect(plan).toMatchObject({ pipeline: "demo", targets: ["count"] });
  expect(decisions(plan)).toEqual([
    ["source", "hit"],
    ["count", "hit"],
  ]);
  for (const { fingerprint, reasons } of plan.stages) {
    expect(fingerprint).toMatch(/^[0-9a-f]{64}$/);
    expect(reasons.length).toBeGreaterThan(0);
  }
});

test("plan names the changed param with its old and new value", async () => {
  const { stdout } = await pipeline("plan", "--set", "count.steps=4");
  expect(stdout).toMatch(/▶ {2}count {3}run +~[\d.]+ m?s {2}1 B {2}param steps: 3 → 4/);
  expect(stdout).toContain("2 stages: 1 cached, 1 to run");
});

test("a second run does nothing and says so", async () => {
  const { exitCode, stdout } = await pipeline("run");
  expect(exitCode).toBe(0);
  expect(stdout).toMatch(/✔ nothing to do: 2 stages cached/);
});

test("run --json writes one event a line and nothing else", async () => {
  const { stdout, stderr, exitCode } = await pipeline("run", "--json", "--force", "count");
  expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: "" });
  const events = stdout.split("\n").map((line) => JSON.parse(line) as RunnerEvent);
  expect(events[0]).toMatchObject({ type: "run-started", config: "configs/tiny.yaml" });
  expect(events.at(-1)).toMatchObject({ type: "run-finished", status: "succeeded", executed: 1, hits: 1 });
});

test("a stage that fails: exit code 1, the error, and how to go on", async () => {
  const { exitCode, stdout } = await pipeline("run", "count", "--set", "count.failAt=1");
  expect(exitCode).toBe(1);
  expect(stdout).toContain("failed as asked");
  expect(stdout).toContain("go on with npx pipeline run count --set count.failAt=1");
});

test("a stage that fails under --json is told on standard error too", async () => {
  const { exitCode, stderr, stdout } = await pipeline("run", "--json", "--set", "count.failAt=1");
  expect(exitCode).toBe(1);
  expect(stderr).toContain("failed as asked");
  for (const line of stdout.split("\n")) expect(() => void JSON.parse(line)).not.toThrow();
});

test("Ctrl-C stops at a checkpoint with exit code 130, and the next run goes on from there", async () => {
  const slow = ["--set", "count.steps=60", "--set", "count.stepMs=50"];
  const run = project.start("run", ...slow);
  let seen = "";
  for await (const line of run.iterable()) {
    seen += `${line}\n`;
    if (line.includes("count: started")) run.kill("SIGINT");
  }
  expect((await run).exitCode).toBe(130);
  expect(seen).toContain("stopping: writing a checkpoint; press Ctrl-C again to stop at once");
  expect(seen).toMatch(/■ stopped after .*: count stopped; goes on from step \d+/);

  const plan = await json<Plan>("plan", ...slow);
  expect(decisions(plan)).toContainEqual(["count", "resume"]);
  expect((await pipeline("plan", ...slow)).stdout).toMatch(
    /◐ {2}count {3}resume +~\S+ \S+ {2}1 B {2}from step \d+/,
  );
  expect((await pipeline("run", ...slow)).stdout).toMatch(/count: resumed at step \d+/);
});

test("a setting changed while a stage is stopped: plan, status, why and run name the checkpoint and the way back to it", async () => {
  const slow = ["--set", "count.steps=61", "--set", "count.stepMs=50"];
  const run = project.start("run", "--json", ...slow);
  for await (const line of run.iterable()) {
    const event = JSON.parse(line) as RunnerEvent;
    if (event.type === "stage-progress" && event.progress.done === 2) run.kill("SIGINT");
  }
  expect((await run).exitCode).toBe(130);

  const other = [...slow, "--set", "count.stepMs=1"];
  const left =
    /a checkpoint of step \d+ of 61 belongs to another recipe and stays behind \(begun with configs\/tiny.yaml, param stepMs: 50 → 1\); with --set count.stepMs=50, the stage goes on from it/;
  for (const command of [["plan"], ["status"], ["why", "count"]])
    expect((await pipeline(...command, ...other)).stdout).toMatch(left);
  const [, stage] = (await json<Plan>("plan", ...other)).stages;
  expect(stage?.leaves).toMatchObject([{ total: 61, settings: ["count.stepMs=50"] }]);
  const { stdout } = await pipeline("run", ...other);
  expect(stdout.match(/warning CHECKPOINT_LEFT: count: a checkpoint of step \d+ of 61/g)).toHaveLength(1);

  expect((await pipeline("run", ...other, "--set", "count.stepMs=50")).stdout).toMatch(
    /count: resumed at step \d+/,
  );
});

test("status shows every stage with its last execution", async () => {
  const status = await json<StatusReport>("status");
  expect(status.stages.map(({ id, decision }) => [id, decision])).toEqual([
    ["source", "hit"],
    ["count", "hit"],
  ]);
  expect((await pipeline("status")).stdout).toMatch(
    /✔ {2}source {2}cached .* ago in .*artifacts\/source\/text/,
  );
});

test("why tells what a fingerprint is made of", async () => {
  const why = await json<WhyReport>("why", "count");
  expect(why).toMatchObject({
    id: "count",
    decision: "hit",
    params: { steps: 3 },
    inputs: { text: { stageId: "source" } },
  });
  const { stdout } = await pipeline("why", "count", "--set", "count.steps=5");
  expect(stdout).toMatch(/^▶ count must run\n( {2}- .*\n)* {2}- param steps: \d+ → 5\n/);
});

test("lineage goes up to where an artifact came from and down to what came from it", async () => {
  const up = (await pipeline("lineage", "count", "--up")).stdout;
  expect(up).toMatch(/stage count[\s\S]*└─ text: text [0-9a-f]{12}[\s\S]*└─ stage source/);
  const down = (await pipeline("lineage", "artifacts/source/text", "--down")).stdout;
  expect(down).toMatch(/^used for\ntext [0-9a-f]{12}[\s\S]*text: stage count[\s\S]*numbers: text/);
  const all = await json<{ artifacts: { stage: string; path: string }[] }>("lineage");
  expect(all.artifacts.map(({ stage, path }) => [stage, path])).toEqual([
    ["source", "artifacts/source/text"],
    ["count", "artifacts/count/numbers"],
  ]);
});

test("graph draws the stages as a tree, as Mermaid and as Graphviz", async () => {
  expect((await pipeline("graph")).stdout).toBe(
    "demo: 2 stages; below each stage what it reads\n\ncount  Counts, and resumes where it stopped.\n└─ text: source  Writes a word.",
  );
  expect((await pipeline("graph", "--mermaid")).stdout).toBe(
    'flowchart LR\n  s0["source"]\n  s1["count"]\n  s0 -- "text" --> s1',
  );
  expect((await pipeline("graph", "--dot")).stdout).toContain('s0 -> s1 [label="text"];');
  expect((await json<GraphReport>("graph")).stages).toHaveLength(2);
});

test("check finds a whole store whole", async () => {
  expect(await json<CheckReport>("check", "--deep")).toMatchObject({ ok: true, problems: [] });
});

test("config show prints a recipe with its defaults, which is a recipe again", async () => {
  const { stdout } = await pipeline("config", "show", "--set", "source.word=sea");
  expect(parse(stdout)).toEqual({ source: { word: "sea" }, count: { steps: 3, stepMs: 0 } });
  writeFileSync(join(project.directory, "configs/again.yaml"), stdout);
  expect(parse((await pipeline("config", "show", "--config", "again")).stdout)).toEqual(parse(stdout));
  expect(JSON.parse((await pipeline("config", "schema")).stdout)).toHaveProperty("properties.count");
});

test("doctor looks at every part and gives a finding for each", async () => {
  const { stdout } = await pipeline("doctor", "--json");
  const { ok, findings } = JSON.parse(stdout) as { ok: boolean; findings: { name: string; level: string }[] };
  expect(findings.map(({ name }) => name)).toEqual([
    "node",
    "platform",
    "cores",
    "memory",
    "disk",
    "engine",
    "cuda",
    "cache",
    "artifacts",
    "engines",
  ]);
  expect(ok).toBe(findings.every(({ level }) => level !== "fail"));
});

test.each([
  [["run", "cuont"], "UNKNOWN_TARGET", "count"],
  [["run", "--force", "cuont"], "UNKNOWN_TARGET", "count"],
  [["plan", "--config", "tin"], "CONFIG_NOT_FOUND", "did you mean tiny?"],
  [["plan", "--set", "count.stps=4"], "CONFIG_INVALID", "did you mean steps?"],
])("%j is the user's mistake: exit code 2, %s, and a hint", async (commandLine, code, hint) => {
  const { exitCode, stdout, stderr } = await pipeline(...commandLine);
  expect({ exitCode, stdout }).toEqual({ exitCode: 2, stdout: "" });
  expect(stderr).toContain(`error ${code}: `);
  expect(stderr).toContain(hint);
  expect(stderr).not.toMatch(/^\s+at /m);
});

test("--verbose adds the stack", async () => {
  expect((await pipeline("run", "cuont", "--verbose")).stderr).toMatch(/^\s+at /m);
});

test("a reader that goes away early is no error", async () => {
  const plan = project.start("graph");
  plan.stdout.destroy();
  expect(await plan).toMatchObject({ exitCode: 0, stderr: "" });
});
