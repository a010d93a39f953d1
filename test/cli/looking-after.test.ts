/** One small project, compiled once, looked after as a person does: runs compared, artifacts kept, checked and removed. */
import { chmodSync, existsSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { execa } from "execa";
import { afterAll, beforeAll, expect, test } from "vitest";
import { noPaint } from "../../src/cli/paint.ts";
import { commandTable } from "../../src/cli/completion/command-table.ts";
import { main } from "../../src/cli/main.ts";
import { createProgram } from "../../src/cli/program.ts";
import type { AcceptReport, GcReport, PinReport, VerifyReport } from "../../src/runner/maintenance-types.ts";
import type { RunnerEvent } from "../../src/runner/event.ts";
import type { CheckReport } from "../../src/runner/session-types.ts";
import { Command } from "../runner/command.ts";
import { packageRoot, Project } from "../runner/project.ts";
import { captureStreams } from "./captured-streams.ts";

const project = new Project();
const pipeline = async (...args: string[]) => {
  const { exitCode, stdout, stderr } = await execa(
    process.execPath,
    [join(packageRoot, "bin/pipeline.js"), ...args],
    { cwd: project.root, reject: false, stdin: "ignore" },
  );
  return { exitCode, stdout, stderr };
};

async function json<Document>(...args: string[]): Promise<Document> {
  const { exitCode, stdout, stderr } = await pipeline(...args, "--json");
  expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: "" });
  return JSON.parse(stdout) as Document;
}

const OTHER = ["--set", "words.count=7"];

beforeAll(async () => {
  expect((await pipeline("run", "report", ...OTHER)).exitCode).toBe(0);
  expect((await pipeline("run", "report")).exitCode).toBe(0);
}, 120_000);
afterAll(() => project.remove());

test("runs, diff and metrics tell what the two runs were and what sets them apart", async () => {
  const { runs } = await json<{ runs: { runId: string; status: string }[] }>("runs");
  expect(runs.map(({ status }) => status)).toEqual(["succeeded", "succeeded"]);
  const limited = await json<{ runs: { runId: string }[] }>("runs", "--limit", "1");
  expect(limited.runs.map(({ runId }) => runId)).toEqual([runs[0]?.runId]);
  const listed = await pipeline("runs");
  for (const { runId } of runs) expect(listed.stdout).toContain(runId);

  const diff = await pipeline("diff", "latest~1", "latest");
  expect(diff.exitCode).toBe(0);
  expect(diff.stdout).toMatch(/count: 7 → 3/);
  expect(JSON.stringify(await json("diff", "latest~1", "latest"))).toContain(runs[1]?.runId);
  expect(await pipeline("diff", "latest", "2019")).toMatchObject({
    exitCode: 2,
    stderr: expect.stringContaining("error UNKNOWN_RUN") as string,
  });

  const { tables } = await json<{ tables: unknown[] }>("metrics", "count");
  expect(tables).toHaveLength(1);
  const csv = await pipeline("metrics", "words", "--csv");
  expect(csv.stdout.split("\n")).toHaveLength(3);
}, 120_000);

test("logs --follow shows a run of another process until its stage ends", async () => {
  const go = join(project.root, "go");
  const run = new Command(project.root, ["run", "count", "--force", "count", "--json"], {
    WAIT_AT: "2",
    WAIT_FOR: go,
  });
  const reached = (step: number) => (event: RunnerEvent) =>
    event.type === "stage-checkpoint" && event.step === step;
  await run.until(reached(2));
  const logs = new Command(project.root, ["logs", "count", "--follow", "--json"]);
  await logs.until(reached(2));
  expect(logs.child.exitCode).toBeNull();
  writeFileSync(go, "");
  const { exitCode } = await logs.ended;
  expect(exitCode).toBe(0);
  expect(logs.events.at(0)?.type).toBe("stage-started");
  expect(logs.events.at(-1)?.type).toBe("stage-finished");
  expect((await run.ended).exitCode).toBe(0);
  const last = await pipeline("logs", "count", "--lines", "1");
  expect(last.stdout.split("\n")).toHaveLength(1);
}, 120_000);

test("lineage is drawn, and verify finds the same bytes again", async () => {
  const mermaid = await pipeline("lineage", "report", "--mermaid");
  expect(mermaid).toMatchObject({ exitCode: 0, stdout: expect.stringMatching(/^flowchart/) as string });
  const dot = await pipeline("lineage", "report", "--dot");
  expect(dot).toMatchObject({ exitCode: 0, stdout: expect.stringMatching(/^digraph [^]*\}$/) as string });
  for (const drawing of [mermaid, dot])
    for (const stage of ["words", "count"]) expect(drawing.stdout).toContain(stage);

  expect(await json<VerifyReport>("verify", "words")).toMatchObject({ stage: "words", equal: true });
  const told = await pipeline("verify", "count");
  expect(told).toMatchObject({
    exitCode: 0,
    stdout: expect.stringContaining("gives the same bytes again") as string,
  });
}, 120_000);

test("what is pinned stays, what is not goes, and a dry run said so before", async () => {
  const { nodes } = await json<{ nodes: { type: string; digest?: string }[] }>("lineage", "report");
  expect(nodes.length).toBeGreaterThan(2);
  await pipeline("run", "words", ...OTHER); // pinned as it is now: the latest one
  const { pins } = await json<{ pins: PinReport[] }>("pin", "words", "--name", "seven");
  expect(pins).toHaveLength(1);
  await pipeline("run", "words");
  expect((await pipeline("pins")).stdout).toMatch(/^words .*seven$/m);

  const dry = await json<GcReport>("gc", "--unreferenced", "--dry-run");
  const names = ({ items }: GcReport) =>
    items.flatMap(({ kind, name }) => (kind === "execution" ? [name] : []));
  expect(names(dry).sort()).toEqual(["count", "report"]); // of the other recipe; its words are pinned
  expect(names(await json<GcReport>("gc", "--unreferenced", "--dry-run"))).toEqual(names(dry)); // nothing went

  expect((await pipeline("unpin", "seven")).exitCode).toBe(0);
  expect(await json("pins")).toEqual({ pins: [] });
  expect(await pipeline("unpin", "seven")).toMatchObject({ exitCode: 2 });
  const told = await pipeline("gc", "--unreferenced");
  expect(told.stdout).toMatch(/freed \d+ items/);
  expect(told.stdout).toMatch(/^execution +words /m);
  expect((await json<GcReport>("gc", "--unreferenced")).items).toEqual([]);
}, 120_000);

test("a change of code is accepted for stages whose only difference it is", async () => {
  project.edit("src/three.ts", "value * 3", "3 * value");
  const { accepted } = await json<AcceptReport>("accept", "words");
  expect(accepted.map(({ stage }) => stage)).toEqual(["words"]);
  const plan = await json<{ stages: { id: string; decision: string }[] }>("plan", "report");
  expect(plan.stages.map(({ decision }) => decision)).toEqual(["hit", "hit", "hit"]);
  expect((await pipeline("accept", "--all")).stdout).toContain("nothing to accept");
  expect((await pipeline("accept")).exitCode).toBe(2);
}, 120_000);

test("check finds a file that changed its size, check --deep one that did not, and a run mends both", async () => {
  expect(await json<CheckReport>("check")).toMatchObject({ ok: true, problems: [] });
  const objects = join(project.root, "cache/objects");
  const values = readdirSync(objects, { recursive: true, encoding: "utf8" }).filter((path) =>
    path.endsWith("value.txt"),
  );
  const victim = join(objects, values[0] ?? "");
  const whole = project.read(`cache/objects/${values[0] ?? ""}`);
  const corrupt = (text: string): void => {
    chmodSync(victim, 0o644);
    writeFileSync(victim, text);
  };
  corrupt(whole.replace(/.$/, "x"));
  const deep = await pipeline("check", "--deep");
  expect(deep).toMatchObject({
    exitCode: 1,
    stdout: expect.stringMatching(/✖ 1 problem .*every digest/) as string,
  });
  corrupt(`${whole}longer`);
  const shallow = await pipeline("check", "--json");
  expect(shallow.exitCode).toBe(1);
  expect((JSON.parse(shallow.stdout) as CheckReport).problems).toMatchObject([{ severity: "damage" }]);
  expect((await pipeline("run", "report")).exitCode).toBe(0);
  expect(await json<CheckReport>("check", "--deep")).toMatchObject({ ok: true });
}, 120_000);

test("clean removes nothing unasked", async () => {
  const refused = await pipeline("clean", "--logs");
  expect(refused).toMatchObject({
    exitCode: 2,
    stderr: expect.stringContaining("error CLEAN_UNCONFIRMED") as string,
  });
  expect(existsSync(join(project.root, "cache/logs"))).toBe(true);
  expect((await pipeline("clean", "--yes")).exitCode).toBe(2);
  const { parts } = await json<{ parts: { path: string }[] }>("clean", "--logs", "--yes");
  expect(parts.map(({ path }) => path)).toEqual(["cache/logs"]);
  expect(existsSync(join(project.root, "cache/logs"))).toBe(false);
}, 120_000);

const host = { projectRoot: project.root, packageRoot, compiledDirectory: "not-compiled" };
const inert = {
  ...{ host, commandLine: [], env: {}, workingDirectory: project.root, verbose: false },
  ...{ streams: captureStreams(), paint: noPaint, errorPaint: noPaint },
  textGenerators: { stageIds: [], open: () => Promise.reject(new Error("no model here")) },
};
const paths = commandTable(createProgram(inert, () => undefined)).map(({ path }) => path);

test.each(paths)("pipeline %s --help explains itself", async (path) => {
  const streams = captureStreams();
  const words = path.split(" ").filter(Boolean);
  expect(await main([...words, "--help"], host, { streams, env: {} })).toBe(0);
  const { stdout, stderr } = await streams.written();
  expect(stderr).toBe("");
  expect(stdout).toContain(`Usage: ${["pipeline", ...words].join(" ")}`);
});
