/** Logs and past reasons, in a real small project: of executions that finished, failed, were stopped or killed. */
import { appendFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { RunnerEvent } from "../../src/runner/event.ts";
import type { History } from "../../src/runner/history-types.ts";
import type { RunSummary, Session } from "../../src/runner/session-types.ts";
import { Project } from "./project.ts";

const project = new Project();
afterAll(() => project.remove());

let first: RunSummary;
let second: RunSummary;
let failed: RunSummary;
let compiledDirectory: string;
beforeAll(async () => {
  compiledDirectory = await project.compile();
  first = await project.run();
  second = await project.run(["report"], {}, { set: ["words.count=4"] });
  failed = await project.run(["side"], {}, { set: ["side.mode=throw"] });
});

const asking = <T>(ask: (history: History, session: Session) => T | Promise<T>): Promise<T> =>
  project.with(async (session) => await ask(session.history, session), { compiledDirectory });

async function typesOf(history: History, stage: string, run?: string, follow = false): Promise<string[]> {
  const types: string[] = [];
  for await (const events of history.readLog(history.log(stage, run), { follow }))
    types.push(...events.map(({ type }) => type));
  return types;
}

test("the log of a stage is its newest, a failed execution's too, or that of one run", async () => {
  await asking(async (history) => {
    expect(history.log("words")).toMatchObject({ runId: second.runId });
    expect(history.log("words", first.runId)).toMatchObject({ runId: first.runId });
    expect(history.log("side")).toMatchObject({ runId: failed.runId });
    expect(await typesOf(history, "side")).toEqual(["stage-started", "stage-log", "stage-failed"]);
  });
});

test("where a stage was a hit, the hint names the run that made it", async () => {
  const again = await project.run(["words"]);
  await asking((history) => {
    expect(() => history.log("words", again.runId)).toThrow(
      expect.objectContaining({
        code: "LOG_UNKNOWN",
        hint: expect.stringContaining(`--run ${first.runId}`) as string,
      }) as Error,
    );
  });
});

test("a name that is no stage opens nothing, wherever it points", async () => {
  writeFileSync(join(project.root, "cache/secret.jsonl"), "{}\n");
  await asking((history) => {
    for (const name of ["../../../secret", "../events", "../stages/words", "wrods", ""])
      expect(() => history.log(name)).toThrow(expect.objectContaining({ code: "LOG_UNKNOWN" }) as Error);
  });
});

test("a stage may be called as files of the run are", async () => {
  const clashing = new Project();
  try {
    clashing.edit("pipeline.ts", "p.add(side, {", 'p.add(side, { id: "events",');
    clashing.edit("pipeline.ts", "p.add(words, {", 'p.add(words, { id: "run",');
    const { runId } = await clashing.run();
    await clashing.with(async ({ history }) => {
      expect(await typesOf(history, "events", runId)).toEqual([
        "stage-started",
        "stage-log",
        "stage-finished",
      ]);
      expect(await typesOf(history, "run", runId)).toContain("stage-finished");
    });
    const events = clashing.read(`cache/logs/${runId}/events.jsonl`).trimEnd().split("\n");
    expect(events.filter((line) => line.includes('"type":"run-'))).toHaveLength(2);
    expect(JSON.parse(clashing.read(`cache/logs/${runId}/run.json`))).toMatchObject({ runId });
  } finally {
    clashing.remove();
  }
});

test("following a running execution gives its events as they come, until it ends", async () => {
  await asking(async (history, session) => {
    let run: Promise<unknown> = Promise.resolve();
    await new Promise<void>((started) => {
      const onEvent = ({ type }: RunnerEvent): void => (type === "stage-started" ? started() : undefined);
      run = session.run(["count"], { force: ["count"], onEvent });
    });
    const seen: RunnerEvent[] = [];
    let batches = 0;
    for await (const events of history.readLog(history.log("count"), { follow: true })) {
      seen.push(...events);
      batches++;
    }
    await run;
    expect(batches).toBeGreaterThan(1);
    expect(seen[0]?.type).toBe("stage-started");
    expect(seen.filter(({ type }) => type === "stage-checkpoint")).toHaveLength(5);
    expect(seen.at(-1)?.type).toBe("stage-finished");
  });
});

test("a log whose runner was killed has no end, and following it does not wait for one", async () => {
  const path = join(project.root, `cache/logs/${first.runId}/stages/killed.jsonl`);
  const at = new Date().toISOString();
  const line = { at, type: "stage-started", stage: "killed", fingerprint: "f", reasons: [] };
  writeFileSync(path, `${JSON.stringify(line)}\n`);
  appendFileSync(path, '{"at":"torn');
  expect(await asking((history) => typesOf(history, "killed", undefined, true))).toEqual(["stage-started"]);
});

test("why a stage ran in a past run: its reasons then, and what stood behind them", async () => {
  const past = await asking((history) => history.why("report", second.runId));
  expect(past).toMatchObject({
    outcome: "executed",
    known: true,
    reasons: [{ code: "input-changed", field: "total" }],
    inputs: { total: "count" },
    upstream: [
      { id: "words", reasons: [{ code: "param-changed", field: "count", old: 3, new: 4 }] },
      { id: "count", reasons: [{ code: "input-changed", field: "words" }] },
    ],
  });
  expect(await asking((history) => history.why("side", failed.runId))).toMatchObject({
    outcome: "failed",
    reasons: [{ code: "param-changed", field: "mode", old: "well", new: "throw" }],
  });
});

test("why a stage was a hit in a past run: the execution that it stood on", async () => {
  const again = await project.run(["count"], {}, { set: ["words.count=4"] });
  const past = await asking((history) => history.why("count", again.runId));
  expect(past).toMatchObject({
    outcome: "hit",
    reasons: [],
    known: true,
    execution: { runId: second.runId },
  });
  await asking((history) => {
    expect(() => history.why("side", again.runId)).toThrow(
      expect.objectContaining({ code: "STAGE_NOT_IN_RUN" }) as Error,
    );
  });
});

test("why a stage must run now: the whole chain above it, down to the field that changed", async () => {
  const report = await project.with((session) => session.why("report"), { set: ["words.count=5"] });
  expect(report.reasons).toMatchObject([{ code: "upstream-runs", field: "total" }]);
  expect(report.upstream).toMatchObject([
    { id: "words", reasons: [{ code: "param-changed", field: "count", new: 5 }], inputs: {} },
    { id: "count", reasons: [{ code: "upstream-runs", field: "words" }], inputs: { words: "words" } },
  ]);
});

test("why a stage is a hit: how much was compared and found equal", async () => {
  const report = await project.with((session) => session.why("count"));
  expect(report).toMatchObject({
    decision: "hit",
    upstream: [],
    compared: { params: 2, inputs: 1, packages: 1 },
  });
  expect(report.compared.sourceFiles).toBeGreaterThan(1);
});
