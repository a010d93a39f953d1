/**
 * What people complain of in other runners, each answered once. What a kill at every step does is in test/crash, what all
 * edits of all graphs do in properties.test.ts and test/hashing.
 */
import { readdirSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import type { GcOptions } from "../../src/runner/maintenance-types.ts";
import { thisProcess } from "../../src/std/process-identity.ts";
import { openStore } from "../../src/store/open-store.ts";
import { outcomes, Project } from "./project.ts";

let project: Project;
beforeEach(() => {
  project = new Project();
});
afterEach(() => project.remove());

const ALL_HITS = { words: "hit", count: "hit", report: "hit", side: "hit" };

async function everythingRan(): Promise<void> {
  expect(await project.run()).toMatchObject({ status: "succeeded", exitCode: 0, executed: 4, hits: 0 });
  project.executed();
}

async function expectDigestOfUndisturbedRun(digest: string | undefined): Promise<void> {
  const other = new Project();
  try {
    const summary = await other.run(["count"]);
    expect(digest).toBe(summary.stages[1]?.outputs["total"]?.digest);
  } finally {
    other.remove();
  }
}

test("training checkpoints are deleted on restart (Snakemake): a stopped stage goes on from its last one, to the same bytes", async () => {
  const controller = new AbortController();
  const summary = await project.run(
    [],
    {
      signal: controller.signal,
      onEvent: (event) => {
        if (event.type === "stage-checkpoint" && event.step === 2) controller.abort();
      },
    },
    { env: { ...process.env, HANG_AT: "2" } },
  );
  expect(summary).toMatchObject({ status: "interrupted", exitCode: 130 });
  expect(outcomes(summary)).toMatchObject({ count: "interrupted", report: "skipped" });
  expect(summary.events).toContainEqual(
    expect.objectContaining({ type: "stage-interrupted", stage: "count", checkpointStep: 2 }),
  );
  project.executed();
  const resumed = await project.run(["count"]);
  expect(resumed.events).toContainEqual(expect.objectContaining({ type: "stage-started", resumeStep: 2 }));
  expect(project.executed()).toEqual(["count from 2"]);
  await expectDigestOfUndisturbedRun(resumed.stages[1]?.outputs["total"]?.digest);
});

test("checkpoints are dropped (DVC): also a stage that had to be killed keeps its own", async () => {
  const [gentle, immediate] = [new AbortController(), new AbortController()];
  const summary = await project.run(
    ["count"],
    {
      signal: gentle.signal,
      killSignal: immediate.signal,
      onEvent: (event) => {
        if (event.type === "stage-checkpoint" && event.step === 2) {
          gentle.abort();
          immediate.abort();
        }
      },
    },
    { env: { ...process.env, BLOCK_AT: "2" } },
  );
  expect(summary).toMatchObject({ status: "interrupted", exitCode: 130 });
  const plan = await project.with((session) => session.plan(["count"]));
  expect(plan.stages[1]).toMatchObject({ decision: "resume", resumeStep: 2 });
});

test("a corrupt hit after a kill (Wireit, Nx): a torn artifact is a miss and a warning, never a wrong answer", async () => {
  await everythingRan();
  const directory = await project.with((session) =>
    Promise.resolve(session.output("words", "words")?.directory),
  );
  if (directory === undefined) throw new Error("no artifact");
  rmSync(join(directory, "value.txt"));
  const plan = await project.with((session) => session.plan());
  expect(plan.stages[0]).toMatchObject({ decision: "run", reasons: [{ code: "artifact-missing" }] });
  const summary = await project.run();
  expect(outcomes(summary)).toEqual({ ...ALL_HITS, words: "executed" });
  expect(summary.events).toContainEqual(
    expect.objectContaining({ type: "warning", code: "ARTIFACT_DAMAGED" }),
  );
  expect(readFileSync(join(directory, "value.txt"), "utf8")).toBe("9");
});

test("edits of helpers are not seen (redun): one three imports down reruns the stage and what follows, and is named", async () => {
  await everythingRan();
  project.edit("src/three.ts", "value * 3", "value * 4");
  const summary = await project.run();
  expect(outcomes(summary)).toEqual({
    words: "executed",
    count: "executed",
    report: "executed",
    side: "hit",
  });
  const started = summary.events.find((event) => event.type === "stage-started");
  expect(started).toMatchObject({
    stage: "words",
    reasons: [{ code: "source-changed", field: "src/three.ts" }],
  });
});

test("edits of comments rerun everything (Snakemake): a comment, layout or type costs nothing", async () => {
  await everythingRan();
  project.edit("stages/words.ts", "// a comment", "// quite another one");
  project.edit("src/one.ts", "/** One. */", "");
  project.edit("src/two.ts", "three(value)", "three(\n  value as number,\n)");
  expect(outcomes(await project.run())).toEqual(ALL_HITS);
  expect(project.executed()).toEqual([]);
});

test("caches grow for ever (Turborepo, Wireit): gc takes what no recipe needs, and what is needed stays a hit", async () => {
  await project.run([], {}, { set: ["words.count=7"] });
  await project.run();
  project.executed();
  const gc = (options: GcOptions) => project.with(({ maintenance }) => maintenance.gc(options));
  const inStore = () => readdirSync(join(project.root, "cache/objects"), { recursive: true }).length;
  const before = inStore();
  const dry = await gc({ unreferenced: true, dryRun: true });
  expect(dry.items.flatMap(({ kind, name }) => (kind === "execution" ? [name] : [])).sort()).toEqual([
    "count",
    "report",
    "words",
  ]);
  expect(inStore()).toBe(before);
  const done = await gc({ unreferenced: true });
  expect(done.items.map(({ name, bytes }) => [name, bytes])).toEqual(
    dry.items.map(({ name, bytes }) => [name, bytes]),
  );
  expect(done).toMatchObject({ freedBytes: dry.freedBytes, rebuildMs: dry.rebuildMs, notes: [] });
  expect(inStore()).toBeLessThan(before);
  expect((await project.run()).hits).toBe(4);
  expect(project.executed()).toEqual([]);
  expect(await project.with((session) => session.check())).toMatchObject({ ok: true, problems: [] });
  expect((await gc({ unreferenced: true })).items).toEqual([]);
});

test("nobody says why it ran (Turborepo): why names the run that a hit stands on, and the field that makes a miss", async () => {
  await everythingRan();
  const hit = await project.with((session) => session.why("count"));
  expect(hit).toMatchObject({
    decision: "hit",
    reasons: [{ code: "cached" }],
    execution: { resumedFrom: [] },
  });
  expect(hit.reasons[0]?.message).toContain(hit.execution?.runId);
  const miss = await project.with((session) => session.why("report"), {
    set: ["words.count=4", "report.title=new"],
  });
  expect(miss.reasons).toEqual([
    expect.objectContaining({ code: "upstream-runs", field: "total" }),
    expect.objectContaining({ code: "param-changed", field: "title", old: "t", new: "new" }),
  ]);
});

test("a stale lock after a kill must be removed by hand (Snakemake): the next run takes it over, and says so", async () => {
  await project.run(["words"]);
  const { stages } = await project.with((session) => session.plan(["count"]));
  const store = openStore(project.root);
  const dead = { ...thisProcess(), startTime: "1" };
  const since = new Date().toISOString();
  store.tryLock(stages[1]?.fingerprint ?? "", { process: dead, runId: "killed", stageId: "count", since });
  await store.close();
  const summary = await project.run(["count"]);
  expect(outcomes(summary)).toEqual({ words: "hit", count: "executed" });
  expect(summary.events).toContainEqual(expect.objectContaining({ type: "warning", code: "STALE_LOCK" }));
});

test("stages do not run in parallel (DVC): two that need nothing of each other run at once", async () => {
  // Each waits until the other has begun: one after the other, neither would end.
  const meet = (stage: string, other: string): void => {
    project.edit(
      `stages/${stage}.ts`,
      `trace("${stage}");`,
      `trace("${stage}"); while (!readFileSync("trace.txt", "utf8").includes("${other}")) await new Promise((resolve) => setTimeout(resolve, 10));`,
    );
    project.write(
      `stages/${stage}.ts`,
      `import { readFileSync } from "node:fs";\n${project.read(`stages/${stage}.ts`)}`,
    );
  };
  meet("words", "side");
  meet("side", "words");
  const summary = await project.run(["words", "side"], { jobs: 2 });
  expect(outcomes(summary)).toEqual({ words: "executed", side: "executed" });
});
