import { expect, test } from "vitest";
import { noPaint } from "../../../src/cli/paint.ts";
import { runSummary } from "../../../src/cli/run-view/run-summary.ts";
import type { Reason } from "../../../src/runner/plan-types.ts";
import { at, corpusHit, corpusThenModel, fold, output, pretrainStarted } from "./story.ts";

const options = {
  columns: 80,
  paint: noPaint,
  verbose: false,
  again: "npx pipeline run dpo",
  next: [
    ["npx pipeline chat", "talk to it"],
    ["npx pipeline lineage dpo", "see where it came from"],
  ],
} as const;

const finished = (status: "succeeded" | "failed" | "interrupted", executed: number, hits: number) =>
  at(9, { type: "run-finished", runId: "r1", status, durationMs: 9000, executed, hits });

test("after success: what it came to, where the artifacts are, what to run next", () => {
  const done = at(9, {
    type: "stage-finished",
    stage: "pretrain",
    fingerprint: "f",
    durationMs: 8000,
    outputs: { model: output("artifacts/pretrain/model", { loss: 3.2, layers: { nested: true } }) },
  });
  const state = fold(corpusThenModel, corpusHit, pretrainStarted, done, finished("succeeded", 1, 1));
  expect(runSummary(state, options).split("\n")).toEqual([
    "✔ done in 9.0 s: 1 stage executed, 1 cached",
    "",
    "artifacts",
    "  artifacts/corpus/text     5.2 MB  documents 1,234 · languages en, zh",
    "  artifacts/pretrain/model  5.2 MB  loss 3.2",
    "",
    "next",
    "  npx pipeline chat         talk to it",
    "  npx pipeline lineage dpo  see where it came from",
  ]);
});

test("a run that had nothing to do says so", () => {
  expect(runSummary(fold(corpusThenModel, corpusHit, finished("succeeded", 0, 1)), options)).toMatch(
    /^✔ nothing to do: 1 stage cached \(9\.0 s\)\n/,
  );
});

test("after a failure: the error, the last output, and how to go on", () => {
  const state = fold(
    corpusThenModel,
    corpusHit,
    pretrainStarted,
    at(2, { type: "stage-log", stage: "pretrain", stream: "stderr", line: "about to divide" }),
    at(3, {
      type: "stage-failed",
      stage: "pretrain",
      error: {
        code: "LOSS_NOT_FINITE",
        message: "NaN at step 7",
        hint: "lower pretrain.learningRate",
        kind: "failure",
      },
    }),
    at(3, { type: "stage-skipped", stage: "dpo", because: "pretrain failed" }),
    finished("failed", 0, 1),
  );
  expect(runSummary(state, options).split("\n")).toEqual([
    "✖ failed after 9.0 s: 1 stage failed, 1 not started, 0 executed, 1 cached",
    "",
    "pretrain",
    "error LOSS_NOT_FINITE: NaN at step 7",
    "hint: lower pretrain.learningRate",
    "last output of pretrain:",
    "  │ about to divide",
    "skipped because of it: dpo",
    "",
    "finished stages stay cached; go on with npx pipeline run dpo",
  ]);
});

test("after an interrupt: where it goes on", () => {
  const stopped = at(3, { type: "stage-interrupted", stage: "pretrain", checkpointStep: 120 });
  const state = fold(corpusThenModel, pretrainStarted, stopped, finished("interrupted", 0, 0));
  expect(runSummary(state, options)).toBe(
    "■ stopped after 9.0 s: pretrain stopped; goes on from step 120\n\nfinished stages stay cached; go on with npx pipeline run dpo",
  );
});

test("after an interrupt of a stage that was forced although it is cached: nothing goes on from its checkpoint", () => {
  const forced = { code: "forced", message: "asked to run even if cached" } as const;
  const stopped = at(3, { type: "stage-interrupted", stage: "pretrain", checkpointStep: 120 });
  const story = (reasons: readonly Reason[]) => {
    const started = at(1, { type: "stage-started", stage: "pretrain", fingerprint: "f2", reasons });
    return runSummary(fold(corpusThenModel, started, stopped, finished("interrupted", 0, 0)), options);
  };
  expect(story([forced])).toContain("pretrain stopped; its earlier result stays\n");
  const changed = { code: "param-changed", message: "param steps: 1 → 2" } as const;
  expect(story([forced, changed])).toContain("pretrain stopped; goes on from step 120\n");
});

test("after a user's mistake the same command is not offered again: it would fail again", () => {
  const error = {
    code: "FILE_NOT_FOUND",
    message: "notes.txt: there is no such file",
    kind: "user",
  } as const;
  const failed = at(2, { type: "stage-failed", stage: "pretrain", error });
  const state = fold(corpusThenModel, pretrainStarted, failed, finished("failed", 0, 1));
  expect(runSummary(state, options).split("\n").at(-1)).toBe(
    "finished stages stay cached; correct that and run again",
  );
});
