import { expect, test } from "vitest";
import { decideStop, maySafelyStop, type RunningStage } from "../../../src/cli/watch/stop-decision.ts";
import type { Plan } from "../../../src/runner/plan-types.ts";

const plan = (fingerprints: Readonly<Record<string, string | null>>): Plan => ({
  pipeline: "test",
  targets: [],
  stages: Object.entries(fingerprints).map(([id, fingerprint]) => ({
    id,
    name: id,
    decision: "run",
    reasons: [],
    fingerprint,
    needs: [],
  })),
});
const running = (id: string, fingerprint: string, hasCheckpoint = false): RunningStage => ({
  id,
  fingerprint,
  hasCheckpoint,
});

test("what is wanted as it is goes on, also under another id", () => {
  expect(decideStop([running("a", "f1")], plan({ a: "f1", b: null }))).toBe("go-on");
  expect(decideStop([running("a", "f1")], plan({ renamed: "f1" }))).toBe("go-on");
  expect(decideStop([], plan({ a: "f2" }))).toBe("go-on");
});

test("what is not wanted is stopped, with or without a checkpoint", () => {
  expect(decideStop([running("a", "f1")], plan({ a: "f2" }))).toBe("stop");
  expect(decideStop([running("gone", "f1")], plan({ a: "f2" }))).toBe("stop");
});

test("what may be wanted is stopped behind a checkpoint only", () => {
  expect(decideStop([running("a", "f1")], plan({ a: null }))).toBe("stop-later");
  expect(decideStop([running("a", "f1", true)], plan({ a: null }))).toBe("stop");
});

test("what is wanted is not lost because something beside it is not", () => {
  const wish = plan({ a: "f1", b: "f3" });
  expect(decideStop([running("a", "f1"), running("b", "f2")], wish)).toBe("stop-later");
  expect(maySafelyStop([running("b", "f2")], wish)).toBe(true);
  expect(maySafelyStop([running("a", "f1", true), running("b", "f2")], wish)).toBe(true);
});
