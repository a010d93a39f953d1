import { stripVTControlCharacters } from "node:util";
import fc from "fast-check";
import { expect, test } from "vitest";
import { ansiPaint } from "../../../src/cli/paint.ts";
import { renderRunView } from "../../../src/cli/run-view/render-run-view.ts";
import type { RunViewState } from "../../../src/cli/run-view/run-view-state.ts";
import { textWidth } from "../../../src/cli/text-width.ts";
import {
  at,
  corpusHit,
  corpusThenModel,
  fold,
  output,
  pretrainAt,
  pretrainStarted,
  startedAt,
} from "./story.ts";

const frame = (state: RunViewState, seconds: number, columns = 80, rows = Infinity) =>
  renderRunView(state, { columns, rows, now: startedAt + seconds * 1000 }).split("\n");

const running = fold(corpusThenModel, corpusHit, pretrainStarted, pretrainAt(2, 0), pretrainAt(12, 100));

test("before anything is known, the view says what is being prepared", () => {
  const state = fold(at(0, { type: "preparing", message: "installing the engine" }));
  expect(frame(state, 0)).toEqual(["preparing  installing the engine", ""]);
});

test("a running stage shows its bar, share, time left and figures", () => {
  // 100 steps in 10 s: the remaining 300 take 30 s, counted from the last report.
  expect(frame(running, 12)).toEqual([
    "minilm  dpo  configs/tiny.yaml                                              12 s",
    "",
    "  ✔ corpus    cached  documents 1,234 · languages en, zh",
    "  ▶ pretrain  ━━━━━━━━────────────────────────  25%  30 s left",
    "              100 of 400 steps · loss 8 · 10.5k tokens/s · learning rate 0.002",
    "  · dpo       waits for pretrain",
  ]);
});

test("between two reports the time left goes on counting down", () => {
  expect(frame(running, 17)[3]).toContain("25 s left");
  expect(frame(running, 1000)[3]).toContain("0.0 s left");
});

test("the last log line stands below, without escape codes", () => {
  const state = fold(
    corpusThenModel,
    pretrainStarted,
    at(2, {
      type: "stage-log",
      stage: "pretrain",
      stream: "stdout",
      line: "\u001B[31mred\u001B[0m\tand\r春风",
    }),
  );
  expect(frame(state, 3)).toContain("              │ red and 春风");
});

test("without a known end there is a clock instead of a bar", () => {
  const started = at(1, {
    type: "stage-started",
    stage: "corpus",
    fingerprint: "f",
    reasons: [],
    expectedMs: 90_000,
  });
  expect(frame(fold(corpusThenModel, started), 4)[2]).toBe(
    "  ▶ corpus    starting  3.0 s (last time 1 min 30 s)",
  );
  const reading = at(2, {
    type: "stage-progress",
    stage: "corpus",
    progress: { done: 2_500_000, unit: "bytes", message: "reading zh" },
  });
  expect(frame(fold(corpusThenModel, started, reading), 4).slice(2, 4)).toEqual([
    "  ▶ corpus    reading zh  3.0 s (last time 1 min 30 s)",
    "              2.5 MB",
  ]);
});

test("a resumed stage says from where, and its rate does not count what was there before", () => {
  const resumed = at(1, {
    type: "stage-started",
    stage: "pretrain",
    fingerprint: "f",
    reasons: [],
    resumeStep: 200,
  });
  const state = fold(corpusThenModel, resumed, pretrainAt(2, 200), pretrainAt(12, 300));
  const [, , , bar, figures] = frame(state, 12, 100);
  expect(bar).toContain("75%  10 s left");
  expect(figures).toContain("resumed at step 200");
});

test("finished, failed and skipped stages say how they ended", () => {
  const state = fold(
    corpusThenModel,
    at(3, {
      type: "stage-finished",
      stage: "corpus",
      fingerprint: "f",
      durationMs: 3200,
      outputs: { text: output("artifacts/corpus/text", { documents: 5 }) },
    }),
    pretrainStarted,
    at(5, {
      type: "stage-failed",
      stage: "pretrain",
      error: { code: "LOSS_NOT_FINITE", message: "the loss at step 7 is NaN\nmore", kind: "failure" },
    }),
    at(5, { type: "stage-skipped", stage: "dpo", because: "pretrain failed" }),
    at(5, { type: "run-finished", runId: "r1", status: "failed", durationMs: 5000, executed: 1, hits: 0 }),
  );
  expect(frame(state, 99)).toEqual([
    "minilm  dpo  configs/tiny.yaml                                             5.0 s",
    "",
    "  ✔ corpus    done in 3.2 s  documents 5",
    "  ✖ pretrain  failed: LOSS_NOT_FINITE  the loss at step 7 is NaN",
    "  - dpo       skipped: pretrain failed",
  ]);
});

test("asked to stop, the view says what happens and what a second Ctrl-C does", () => {
  const gently = fold(corpusThenModel, pretrainStarted, { type: "stopping", how: "gracefully" });
  expect(frame(gently, 3).at(-1)).toBe("stopping: writing a checkpoint; press Ctrl-C again to stop at once");
  const stopped = fold(
    corpusThenModel,
    pretrainStarted,
    { type: "stopping", how: "gracefully" },
    at(4, { type: "stage-interrupted", stage: "pretrain", checkpointStep: 120 }),
    at(4, {
      type: "run-finished",
      runId: "r1",
      status: "interrupted",
      durationMs: 4000,
      executed: 0,
      hits: 0,
    }),
  );
  expect(frame(stopped, 4).slice(3)).toEqual([
    "  ■ pretrain  stopped; goes on from step 120",
    "  · dpo       waits for pretrain",
  ]);
});

test("the newest warnings stay in sight", () => {
  const warning = (code: string) => at(1, { type: "warning", code, message: "look", stage: "corpus" });
  const state = fold(corpusThenModel, ...["A", "B", "C", "D"].map(warning));
  expect(frame(state, 2).slice(-5)).toEqual([
    "",
    "1 more warning before these",
    "warning B: corpus: look",
    "warning C: corpus: look",
    "warning D: corpus: look",
  ]);
});

test("a stage that waits for another runner's lock says so", () => {
  const waiting = at(1, { type: "stage-waiting", stage: "corpus", message: "process 12 makes it" });
  expect(frame(fold(corpusThenModel, waiting), 2)[2]).toBe("  ◌ corpus    process 12 makes it");
});

test("on a narrow terminal lines are cut by columns, wide characters never halved", () => {
  const state = fold(
    corpusThenModel,
    pretrainStarted,
    pretrainAt(2, 0),
    pretrainAt(12, 100),
    at(12, { type: "stage-log", stage: "pretrain", stream: "log", line: "春风又绿江南岸明月何时照我还" }),
  );
  expect(frame(state, 12, 30)).toEqual([
    "minilm  dpo  configs/tiny.yaml",
    "",
    "  · corpus    waiting",
    "  ▶ pretrain   25%  30 s left",
    "    100 of 400 steps · loss 8…",
    "    │ 春风又绿江南岸明月何时…",
    "  · dpo       waits for pretr…",
  ]);
});

test("no line is wider than the terminal, with or without colour", () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 120 }), fc.string({ unit: "grapheme" }), (columns, line) => {
      const log = at(12, { type: "stage-log", stage: "pretrain", stream: "log", line });
      const state = fold(
        corpusThenModel,
        corpusHit,
        pretrainStarted,
        pretrainAt(2, 0),
        pretrainAt(12, 100),
        log,
      );
      const options = { columns, now: startedAt + 13_000 };
      const plain = renderRunView(state, options);
      for (const row of plain.split("\n")) expect(textWidth(row)).toBeLessThanOrEqual(columns);
      const painted = stripVTControlCharacters(renderRunView(state, { ...options, paint: ansiPaint }));
      expect(painted.split("\n").map((row) => row.trimEnd())).toEqual(plain.split("\n"));
    }),
  );
});

test("on a low terminal finished and waiting stages are counted, the running one stays", () => {
  const ids = Array.from({ length: 12 }, (_, index) => `stage-${index}`);
  const state = fold(
    at(0, {
      type: "run-started",
      runId: "r",
      pipeline: "p",
      config: "c",
      targets: [],
      stages: ids.map((id) => ({ id, name: id, decision: "run", reasons: [], fingerprint: null, needs: [] })),
    }),
    ...ids.slice(0, 5).map((stage) => at(0, { type: "stage-hit", stage, fingerprint: "f", outputs: {} })),
    at(0, { type: "stage-started", stage: "stage-5", fingerprint: "f", reasons: [] }),
  );
  expect(frame(state, 0, 40, 5)).toEqual([
    "p  everything  c                   0.0 s",
    "",
    "  ✔ 5 stages done or cached",
    "  ▶ stage-5   starting  0.0 s",
    "  · 6 stages waiting",
  ]);
  expect(frame(state, 0, 40, 10)).toHaveLength(10);
  expect(frame(state, 0, 40, 14)).toHaveLength(14);
});
