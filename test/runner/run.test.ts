import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
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

test("the first run makes everything, in the order in which it is needed", async () => {
  const summary = await project.run();
  expect(summary).toMatchObject({ status: "succeeded", executed: 4, hits: 0 });
  const ran = project.executed().filter((line) => line !== "side");
  expect(ran).toEqual(["words", "count from 0", "report"]);
  expect(project.read("artifacts/words/words/value.txt")).toBe("9");
  expect(existsSync(join(project.root, "artifacts/report/report/value.txt"))).toBe(true);
});

test("the second run does nothing and says so", async () => {
  await everythingRan();
  const again = await project.run();
  expect(outcomes(again)).toEqual(ALL_HITS);
  expect(again).toMatchObject({ status: "succeeded", executed: 0, hits: 4 });
  expect(project.executed()).toEqual([]);
  expect(again.events.map(({ type }) => type)).toEqual([
    "run-started",
    ...Array.from({ length: 4 }, () => "stage-hit"),
    "run-finished",
  ]);
});

test("a target builds what it needs and nothing else", async () => {
  expect(outcomes(await project.run(["count"]))).toEqual({ words: "executed", count: "executed" });
  expect(outcomes(await project.run(["summary"]))).toEqual({
    words: "hit",
    count: "hit",
    report: "executed",
  });
});

test("an unknown target names near matches and what there is", async () => {
  await expect(project.run(["reprot"])).rejects.toMatchObject({
    code: "UNKNOWN_TARGET",
    kind: "user",
    hint: "did you mean report?",
    message: expect.stringContaining("words, count, report, side, summary, other") as string,
  });
});

test.each([
  ["a comment", "stages/words.ts", "// a comment", "// another comment altogether"],
  ["a documentation comment two files away", "src/one.ts", "/** One. */", "/** Uno. */"],
  ["the name of a local", "stages/words.ts", "number", "theNumberOfWords"],
] as const)("an edit of %s reruns nothing", async (what, path, from, to) => {
  await everythingRan();
  // The summary's key would be renamed too: spell it out, so that only the local changes.
  if (what === "the name of a local") {
    project.edit(path, "written({ number })", "written({ n: number })");
    await project.run();
    project.executed();
  }
  project.edit(path, from, to);
  expect(outcomes(await project.run())).toEqual(ALL_HITS);
  expect(project.executed()).toEqual([]);
});

test("a changed param reruns its stage and what follows only", async () => {
  await everythingRan();
  const summary = await project.run([], {}, { set: ["count.schedule.rate=2"] });
  expect(outcomes(summary)).toEqual({ words: "hit", count: "executed", report: "executed", side: "hit" });
  expect(summary.events.find((event) => event.type === "stage-started")).toMatchObject({
    reasons: [
      {
        code: "param-changed",
        field: "schedule.rate",
        old: 1,
        new: 2,
        message: "param schedule.rate: 1 → 2",
      },
    ],
  });
  // And back: nothing that was made is forgotten.
  expect(outcomes(await project.run())).toEqual(ALL_HITS);
});

test("a default spelt out is the default", async () => {
  await everythingRan();
  expect(outcomes(await project.run([], {}, { set: ["count.steps=5"] }))).toEqual(ALL_HITS);
});

test("a runtime param is no reason to run", async () => {
  await everythingRan();
  expect(outcomes(await project.run([], {}, { set: ["words.logEvery=50"] }))).toEqual(ALL_HITS);
});

test("an upstream rerun that gives the same bytes stops the wave", async () => {
  await project.run([], {}, { set: ["words.parity=true"] });
  project.executed();
  // Five times three is as odd as three times three.
  const summary = await project.run([], {}, { set: ["words.parity=true", "words.count=5"] });
  expect(outcomes(summary)).toEqual({ words: "executed", count: "hit", report: "hit", side: "hit" });
  expect(project.executed()).toEqual(["words"]);
});

test("a changed environment fact reruns the stage that declares it", async () => {
  await everythingRan();
  process.env["TEST_ENGINE"] = "wasm";
  try {
    const summary = await project.run();
    expect(outcomes(summary)).toEqual({ ...ALL_HITS, side: "executed" });
    expect(summary.events.find((event) => event.type === "stage-started")).toMatchObject({
      reasons: [{ code: "environment-changed", field: "engine", old: "none", new: "wasm" }],
    });
  } finally {
    delete process.env["TEST_ENGINE"];
  }
});

test("a raised format version reruns the writer, and the reader even if the bytes are the same", async () => {
  await everythingRan();
  // A file of its own, so that no other stage's source changes.
  project.write("src/words.ts", 'import { text } from "./text.ts";\nexport const Words = text("words");');
  for (const stage of ["words", "count"])
    project.edit(`stages/${stage}.ts`, "Words } from", "Words as _ } from");
  for (const stage of ["words", "count"])
    project.write(
      `stages/${stage}.ts`,
      `import { Words } from "../src/words.ts";${project.read(`stages/${stage}.ts`)}`,
    );
  await project.run();
  project.edit("src/words.ts", 'text("words")', 'text("words", 2)');
  const summary = await project.run();
  expect(outcomes(summary)).toEqual({ words: "executed", count: "executed", report: "hit", side: "hit" });
  expect(await project.with((session) => session.lineage("words", { direction: "up" }))).toMatchObject({
    nodes: [{ type: "execution", stageId: "words" }],
  });
});

test("a forced stage runs although it is cached; the same bytes stop the wave", async () => {
  await everythingRan();
  const summary = await project.run([], { force: ["count"] });
  expect(outcomes(summary)).toEqual({ words: "hit", count: "executed", report: "hit", side: "hit" });
  expect(project.executed()).toEqual(["count from 0"]);
});

test("what a person edits in artifacts/ does not reach the store", async () => {
  await everythingRan();
  writeFileSync(join(project.root, "artifacts/words/words/value.txt"), "scribble");
  expect(outcomes(await project.run())).toEqual(ALL_HITS);
  expect(await project.with((session) => session.check({ deep: true }))).toMatchObject({
    ok: true,
    problems: [],
  });
});

test.each([
  ["throw", 1, "UNEXPECTED", "side failed on purpose"],
  ["exit", 1, "STAGE_EXITED", "last words"],
  ["full", 1, "DISK_FULL", "no space left"],
  ["forget", 1, "OUTPUT_MISSING", "output side"],
  ["empty", 1, "OUTPUT_MISSING", "output side"],
  ["more", 1, "OUTPUT_UNDECLARED", "other"],
  ["invalid", 1, "OUTPUT_INVALID", "it says invalid"],
] as const)("a stage that ends by %s fails with exit code %i and %s", async (mode, exitCode, code, text) => {
  const summary = await project.run(["side"], {}, { set: [`side.mode=${mode}`] });
  expect(summary).toMatchObject({ status: "failed", exitCode, executed: 0 });
  const error = summary.stages[0]?.error;
  expect(error).toMatchObject({ code });
  expect(error?.message).toContain(text);
  if (code !== "UNEXPECTED") expect(error?.hint).toBeTruthy();
  expect(await project.with((session) => session.check())).toMatchObject({ objects: 0, problems: [] });
});

test("after a failure nothing new starts, and what is finished stays", async () => {
  project.edit(
    "stages/count.ts",
    'trace("count from " + state.step);',
    'throw new Error("count is broken");',
  );
  const summary = await project.run(["report"]);
  expect(outcomes(summary)).toEqual({ words: "executed", count: "failed", report: "skipped" });
  expect(summary.events).toContainEqual(
    expect.objectContaining({ type: "stage-skipped", stage: "report", because: "count" }),
  );
  project.executed();
  project.edit("stages/count.ts", 'throw new Error("count is broken");', 'trace("mended");');
  expect(outcomes(await project.run(["report"]))).toEqual({
    words: "hit",
    count: "executed",
    report: "executed",
  });
});

test("told to keep going, a run loses to a failure only what needs it, and names the cause", async () => {
  project.edit(
    "stages/count.ts",
    'trace("count from " + state.step);',
    'throw new Error("count is broken");',
  );
  const both = await project.run([], { keepGoing: true, jobs: 1 }, { set: ["side.mode=throw"] });
  expect(both).toMatchObject({ status: "failed", exitCode: 1 });
  expect(outcomes(both)).toEqual({ words: "executed", count: "failed", report: "skipped", side: "failed" });
  expect(both.stages.find(({ id }) => id === "report")).toMatchObject({ because: "count" });
});

test("a run from a stage makes it and what follows anew, and leaves what comes before it", async () => {
  await everythingRan();
  expect(outcomes(await project.run([], { from: ["count"] }))).toEqual({
    ...ALL_HITS,
    count: "executed",
    report: "executed",
  });
});

test("a run of one stage only needs the rest to be cached, and otherwise says how to make it", async () => {
  await expect(project.run([], { only: ["report"] })).rejects.toMatchObject({
    code: "NEEDED_NOT_CACHED",
    kind: "user",
    hint: expect.stringContaining("npx pipeline run count") as string,
  });
  expect(project.executed()).toEqual([]);
  await project.run(["count"]);
  expect(outcomes(await project.run([], { only: ["report"] }))).toEqual({
    words: "hit",
    count: "hit",
    report: "executed",
  });
});

test("a stage's process has huge pages for what it allocates, one that computes on tensors also a single heap, unless the user tuned that", async () => {
  project.edit(
    "stages/words.ts",
    'trace("words");',
    'trace("tuned: " + String(process.env["GLIBC_TUNABLES"]));',
  );
  const { GLIBC_TUNABLES: _own, ...env } = process.env;
  await project.run(["words"], {}, { env });
  await project.run(
    ["words"],
    { force: ["words"] },
    { env: { ...env, GLIBC_TUNABLES: "glibc.malloc.check=0" } },
  );
  project.edit(
    "stages/words.ts",
    'runtimeParams: ["logEvery"],',
    'runtimeParams: ["logEvery"], resources: { accelerators: 1 },',
  );
  await project.run(["words"], { force: ["words"] }, { env });
  const [general = "", own, tensors = ""] = project.executed();
  expect([general, own]).toEqual(["tuned: glibc.malloc.hugetlb=1", "tuned: glibc.malloc.check=0"]);
  expect(tensors.split(":")).toEqual(
    expect.arrayContaining(["glibc.malloc.arena_max=1", " glibc.malloc.hugetlb=1"]),
  );
});

test.each([
  ["SIGKILL", "out of memory"],
  ["SIGSEGV", "native code crashed"],
])("a child killed by %s is named with advice, and the next run resumes", async (signal, advice) => {
  const env = { ...process.env, DIE_AT: "3", DIE_BY: signal };
  const summary = await project.run(["count"], {}, { env });
  expect(summary).toMatchObject({ status: "failed", exitCode: 1 });
  const { error } = summary.stages.find(({ id }) => id === "count") ?? {};
  expect(error).toMatchObject({ code: "STAGE_KILLED" });
  expect(error?.message).toContain(signal);
  expect(error?.hint).toContain(advice);
  project.executed();

  const plan = await project.with((session) => session.plan(["count"]));
  expect(plan.stages[1]).toMatchObject({ decision: "resume", resumeStep: 3 });
  const resumed = await project.run(["count"]);
  expect(project.executed()).toEqual(["count from 3"]);
  await expectDigestOfUndisturbedRun(resumed.stages[1]?.outputs["total"]?.digest);
  expect(existsSync(join(project.root, "cache/checkpoints"))).toBe(true);
  expect(await project.with((session) => session.status())).toMatchObject({
    stages: expect.arrayContaining([
      expect.objectContaining({
        id: "count",
        latest: expect.objectContaining({ resumedFrom: [3] }) as object,
      }),
    ]) as object,
  });
});

async function expectDigestOfUndisturbedRun(digest: string | undefined): Promise<void> {
  const other = new Project();
  try {
    const summary = await other.run(["count"]);
    expect(digest).toBe(summary.stages[1]?.outputs["total"]?.digest);
  } finally {
    other.remove();
  }
}

test("two runners at once share the work", async () => {
  const compiledDirectory = await project.compile();
  const both = await Promise.all([
    project.run(["report"], {}, { compiledDirectory }),
    project.run(["report"], {}, { compiledDirectory }),
  ]);
  expect(both.map(({ status }) => status)).toEqual(["succeeded", "succeeded"]);
  expect(both.reduce((sum, { executed }) => sum + executed, 0)).toBe(3);
  expect(project.executed().sort()).toEqual(["count from 0", "report", "words"]);
});

test("logs are kept with the execution: lines, progress, checkpoints", async () => {
  await everythingRan();
  const status = await project.with((session) => session.status());
  const logOf = (id: string): string =>
    project.read(status.stages.find((stage) => stage.id === id)?.latest?.logFile ?? "");
  const side = logOf("side")
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line) as Record<string, unknown>);
  expect(side.map(({ type }) => type)).toEqual(["stage-started", "stage-log", "stage-finished"]);
  expect(side[1]).toMatchObject({ stream: "stdout", line: "side says hello" });
  expect(logOf("words")).toContain('"line":"making 9"');
  expect(logOf("count").match(/"stage-checkpoint"/g)).toHaveLength(5);
});

test("planning twice gives the same plan and writes nothing", async () => {
  await project.run(["count"]);
  await project.with(async (session) => {
    const first = await session.plan();
    expect(await session.plan()).toEqual(first);
    expect(first.stages.map(({ id, decision }) => [id, decision])).toEqual([
      ["words", "hit"],
      ["count", "hit"],
      ["report", "run"],
      ["side", "run"],
    ]);
  });
});

test("runs are remembered, newest first", async () => {
  const first = await project.run(["words"]);
  const second = await project.run(["count"]);
  const runs = await project.with((session) => Promise.resolve(session.history.runs()));
  // Ids sort by the second in which a run began.
  expect(runs.map(({ runId }) => runId).sort()).toEqual([first.runId, second.runId].sort());
  expect(runs.find(({ runId }) => runId === second.runId)).toMatchObject({
    status: "succeeded",
    executed: 1,
    hits: 1,
    stages: { words: { outcome: "hit" }, count: { outcome: "executed" } },
  });
});

test("prepare runs before planning, in run only, and its failure starts nothing", async () => {
  project.edit(
    "pipeline.ts",
    'defaultConfig: "configs/test.yaml" }',
    'defaultConfig: "configs/test.yaml", prepare: async (report) => { report("getting ready"); } }',
  );
  await project.with(async (session) => {
    const events: string[] = [];
    await session.plan();
    await session.run(["words"], { onEvent: ({ type }) => events.push(type) });
    expect(events.slice(0, 2)).toEqual(["preparing", "run-started"]);
  });
  project.edit("pipeline.ts", 'report("getting ready");', 'throw new Error("not ready");');
  await expect(project.run(["side"])).rejects.toThrow("not ready");
});

test("a file that a stage names is part of its fingerprint: editing it reruns the stage, and says which", async () => {
  project.edit(
    "stages/words.ts",
    `runtimeParams: ["logEvery"],`,
    `runtimeParams: ["logEvery"], files: () => ["notes"],`,
  );
  mkdirSync(join(project.root, "notes"));
  writeFileSync(join(project.root, "notes/a.txt"), "one");
  await project.run();
  expect(outcomes(await project.run())).toEqual(ALL_HITS);
  writeFileSync(join(project.root, "notes/a.txt"), "two");
  expect(outcomes(await project.run())).toMatchObject({ words: "executed", count: "hit" });
  writeFileSync(join(project.root, "notes/b.txt"), "new");
  const session = await project.open();
  const { reasons } = await session.why("words");
  await session.close();
  expect(reasons.map(({ message }) => message).join()).toContain("content of notes");
});

test("files for people are added to the copy only: the artifact is what the stage wrote", async () => {
  project.edit(
    "pipeline.ts",
    `defaultConfig:`,
    `present: { words: async (directory) => (await import("node:fs")).writeFileSync(directory + "/page.html", "hello") }, defaultConfig:`,
  );
  const { executed } = await project.run();
  expect(executed).toBe(4);
  expect(project.read("artifacts/words/words/page.html")).toBe("hello");
  const session = await project.open();
  const stored = session.output("words", "words");
  await session.close();
  expect(existsSync(join(stored?.directory ?? "", "value.txt"))).toBe(true);
  expect(existsSync(join(stored?.directory ?? "", "page.html"))).toBe(false);
  expect(outcomes(await project.run())).toEqual(ALL_HITS);
});
