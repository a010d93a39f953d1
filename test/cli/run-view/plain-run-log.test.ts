import { expect, test } from "vitest";
import { outputTexts } from "../../../src/cli/run-view/figures.ts";
import { createPlainRunLog } from "../../../src/cli/run-view/plain-run-log.ts";
import { emptyRunView, reduceRunView } from "../../../src/cli/run-view/run-view-state.ts";
import type { RunnerEvent } from "../../../src/runner/event.ts";
import { at, corpusHit, corpusThenModel, output, pretrainAt, pretrainStarted } from "./story.ts";

function linesOf(...events: readonly RunnerEvent[]): readonly string[] {
  const log = createPlainRunLog();
  let state = emptyRunView;
  return events.flatMap((event) => {
    state = reduceRunView(state, event);
    return log.lines(event, state);
  });
}

test("one line for each change of state, with the time since the start", () => {
  expect(
    linesOf(
      corpusThenModel,
      corpusHit,
      pretrainStarted,
      at(61, { type: "stage-log", stage: "pretrain", stream: "stdout", line: "hello\n" }),
      at(62, { type: "stage-checkpoint", stage: "pretrain", step: 50 }),
      at(3661, {
        type: "stage-finished",
        stage: "pretrain",
        fingerprint: "f",
        durationMs: 3_660_000,
        outputs: { model: output("artifacts/pretrain/model", { loss: 3.2 }) },
      }),
      at(3662, {
        type: "run-finished",
        runId: "r1",
        status: "succeeded",
        durationMs: 1,
        executed: 1,
        hits: 1,
      }),
    ),
  ).toEqual([
    "0:00:00 minilm (configs/tiny.yaml): dpo; 3 to run",
    "0:00:00 corpus: cached · documents 1,234 · languages en, zh",
    "0:00:01 pretrain: started (it has never run)",
    "0:01:01 pretrain: │ hello",
    "1:01:01 pretrain: done in 1 h 1 min · loss 3.2",
  ]);
});

test("progress is told after ten seconds and ten per cent, not before", () => {
  const everySecond = Array.from({ length: 101 }, (_, second) => pretrainAt(second, second * 4));
  const lines = linesOf(corpusThenModel, pretrainStarted, ...everySecond).slice(2);
  expect(lines).toHaveLength(10);
  expect(lines[0]).toBe(
    "0:00:10 pretrain: 10% · 40 of 400 steps · loss 8.6 · learning rate 0.002 · 10.5k tokens/s · 1 min 30 s left",
  );
  const slow = Array.from({ length: 101 }, (_, step) => pretrainAt(step * 60, step));
  expect(linesOf(corpusThenModel, pretrainStarted, ...slow).slice(2)).toHaveLength(2);
});

test("where the end is not known, progress is told every ten seconds", () => {
  const reading = (seconds: number) =>
    at(seconds, {
      type: "stage-progress",
      stage: "corpus",
      progress: { done: seconds * 1e6, unit: "bytes", message: "reading" },
    });
  expect(linesOf(corpusThenModel, ...[0, 4, 8, 12, 16, 24].map(reading)).slice(1)).toEqual([
    "0:00:12 corpus: reading · 12 MB · 1 MB/s",
    "0:00:24 corpus: reading · 24 MB · 1 MB/s",
  ]);
});

test("what goes wrong is told on one line each", () => {
  expect(
    linesOf(
      corpusThenModel,
      at(1, { type: "warning", code: "ARTIFACT_MISSING", message: "blob is gone", stage: "corpus" }),
      at(2, {
        type: "stage-failed",
        stage: "corpus",
        error: { code: "NO_NETWORK", message: "cannot reach\nthe host", kind: "failure" },
      }),
      at(2, { type: "stage-skipped", stage: "pretrain", because: "corpus failed" }),
      at(2, { type: "stage-skipped", stage: "dpo", because: "pretrain" }),
      at(3, { type: "stage-interrupted", stage: "dpo", checkpointStep: 9 }),
      at(4, { type: "stage-waiting", stage: "dpo", message: "process 7 makes it" }),
    ).slice(1),
  ).toEqual([
    "0:00:01 warning ARTIFACT_MISSING: corpus: blob is gone",
    "0:00:02 corpus: failed: NO_NETWORK: cannot reach the host",
    "0:00:02 pretrain: skipped: corpus failed",
    "0:00:02 dpo: skipped: pretrain did not finish",
    "0:00:03 dpo: stopped; goes on from step 9",
    "0:00:04 dpo: process 7 makes it",
  ]);
});

test("the figures of several outputs say whose they are, each output's first one first", () => {
  expect(
    outputTexts({
      corpus: output("artifacts/download/corpus", { records: 12_000, bytes: 35_200_000 }),
      questions: output("artifacts/download/questions", { records: 90 }),
    }),
  ).toEqual(["corpus records 12,000", "questions records 90", "corpus bytes 35.2 MB"]);
});
