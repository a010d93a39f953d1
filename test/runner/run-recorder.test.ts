import { appendFileSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import type { RunnerEvent } from "../../src/runner/event.ts";
import { keptEvents } from "../../src/runner/follow-events.ts";
import { findRun } from "../../src/runner/find-run.ts";
import { findLiveRun, findRunMark, liveRuns } from "../../src/runner/live-runs.ts";
import { eventsFile } from "../../src/runner/run-files.ts";
import { RunRecorder } from "../../src/runner/run-recorder.ts";

const runId = "20260102T030405Z-0a1b2c";
const request = {
  runId,
  pipeline: "test",
  targets: ["a"],
  config: "configs/test.yaml",
  configNamed: false,
  set: ["a.b=1"],
  until: [],
  only: ["a"],
  keepGoing: false,
};
let cache: string;
beforeEach(() => {
  cache = mkdtempSync(join(tmpdir(), "recorder-"));
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
  rmSync(cache, { recursive: true });
});

const progress = (stage: string, done: number): RunnerEvent => ({
  at: "2026-01-02T03:04:05.000Z",
  type: "stage-progress",
  stage,
  progress: { done, unit: "steps" },
});
const finished = (stage: string): RunnerEvent => ({
  at: "2026-01-02T03:04:05.000Z",
  type: "stage-failed",
  stage,
  error: { code: "X", message: "x", kind: "failure" },
});
const doneOf = (event: RunnerEvent): number | string =>
  event.type === "stage-progress" ? event.progress.done : event.type;

test("progress is kept once a second for each stage, and the newest is not lost", () => {
  const heard: RunnerEvent[] = [];
  const recorder = new RunRecorder(cache, request, (event) => heard.push(event));
  for (let step = 0; step <= 30; step++) {
    recorder.record(progress("a", step));
    if (step % 10 === 0) recorder.record(progress("b", step));
    vi.advanceTimersByTime(100);
  }
  vi.advanceTimersByTime(2000);
  recorder.record(finished("a"));
  recorder.end();
  const kept = [...keptEvents(cache, runId)];
  const of = (stage: string) => kept.filter((event) => "stage" in event && event.stage === stage).map(doneOf);
  expect(of("a")).toEqual([0, 9, 19, 29, 30, "stage-failed"]);
  expect(of("b")).toEqual([0, 10, 20, 30]);
  expect(heard).toHaveLength(31 + 4 + 1);
});

test("no progress is told of a stage that has ended", () => {
  const recorder = new RunRecorder(cache, request);
  recorder.record(progress("a", 1));
  recorder.record(progress("a", 2));
  recorder.record(finished("a"));
  vi.advanceTimersByTime(5000);
  recorder.end();
  expect([...keptEvents(cache, runId)].map(doneOf)).toEqual([1, "stage-failed"]);
});

test("a run is alive until it ends, and what it was about is known afterwards", () => {
  const recorder = new RunRecorder(cache, request);
  expect(liveRuns(cache)).toMatchObject([{ ...request, process: { pid: process.pid } }]);
  recorder.end();
  expect(liveRuns(cache)).toEqual([]);
  expect(findLiveRun(cache, runId)).toBeUndefined();
  expect(findRunMark(cache, runId)).toMatchObject(request);
});

test("a line that was torn is passed over", () => {
  const recorder = new RunRecorder(cache, request);
  recorder.record(finished("a"));
  appendFileSync(eventsFile(cache, runId), '{"type":"stage-fin\n');
  recorder.record(finished("b"));
  recorder.end();
  appendFileSync(eventsFile(cache, runId), '{"type"');
  expect([...keptEvents(cache, runId)]).toEqual([finished("a"), finished("b")]);
});

test("a run is named by a beginning or an end of its id", () => {
  const other = "20260102T030405Z-0a1b2d";
  for (const each of [runId, other]) new RunRecorder(cache, { ...request, runId: each }).end();
  expect(findRun(cache, "1b2c")).toBe(runId);
  expect(findRun(cache, other)).toBe(other);
  expect(() => findRun(cache, "20260102")).toThrow(`${other}, ${runId}`);
  expect(() => findRun(cache, "../../etc")).toThrow("no run");
});

const hit = (stage: string): RunnerEvent => ({
  at: "2026-01-02T03:04:05.000Z",
  type: "stage-hit",
  stage,
  fingerprint: "f",
  outputs: {},
});

test("hits wait for each other, and stand before whatever comes next, which waits for nothing", () => {
  const recorder = new RunRecorder(cache, request);
  const kept = () =>
    [...keptEvents(cache, runId)].map((event) => ("stage" in event ? event.stage : event.type));
  recorder.record(hit("a"));
  recorder.record(hit("b"));
  expect(kept()).toEqual([]);
  recorder.record(finished("c"));
  expect(kept()).toEqual(["a", "b", "c"]);
  recorder.record(hit("d"));
  vi.runAllTimers();
  expect(kept()).toEqual(["a", "b", "c", "d"]);
  recorder.record(hit("e"));
  recorder.end();
  expect(kept()).toEqual(["a", "b", "c", "d", "e"]);
});
