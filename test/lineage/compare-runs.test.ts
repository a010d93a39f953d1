import { expect, test } from "vitest";
import { compareRuns } from "../../src/lineage/compare-runs.ts";
import { nameFigures } from "../../src/lineage/figures.ts";
import type { ExecutionRecord } from "../../src/store/records.ts";
import { execution, output, run } from "./execution-record.ts";

const executed = (fingerprint: string) => ({ outcome: "executed" as const, fingerprint });
const finding = (...known: readonly ExecutionRecord[]) => {
  return (fingerprint: string) => known.find((each) => each.fingerprint === fingerprint);
};

test("params leaf by leaf, source files, packages, environment, outputs and figures", () => {
  const old = execution({
    fingerprint: "1",
    params: { schedule: { peak: 1, kind: "cosine" }, seed: 1 },
    source: { digest: "s1", files: { "a.ts": "1", "b.ts": "1" } },
    packages: { zod: "4.0.0" },
    environment: { engine: "wasm" },
    outputs: { model: output("d1", { loss: 4, scores: { en: 0.5 }, name: "x" }) },
  });
  const current = execution({
    fingerprint: "2",
    params: { schedule: { peak: 2, kind: "cosine" }, seed: 1 },
    source: { digest: "s2", files: { "a.ts": "1", "b.ts": "2" } },
    packages: { zod: "4.1.0" },
    environment: { engine: "tensorflow" },
    outputs: { model: output("d2", { loss: 3, scores: { en: 0.5, zh: 0.25 }, name: "y" }) },
  });
  const { stages } = compareRuns(
    run({ stages: { train: executed("1") } }),
    run({ stages: { train: executed("2") } }),
    finding(old, current),
  );
  expect(stages).toHaveLength(1);
  expect(stages[0]?.verdict).toBe("changed");
  expect(
    stages[0]?.differences.map(({ code, field, old: before, new: now }) => [code, field, before, now]),
  ).toEqual([
    ["param-changed", "schedule.peak", 1, 2],
    ["source-changed", "b.ts", "1", "2"],
    ["package-changed", "zod", "4.0.0", "4.1.0"],
    ["environment-changed", "engine", "wasm", "tensorflow"],
  ]);
  expect(stages[0]?.outputs).toEqual([{ output: "model", old: "d1", new: "d2" }]);
  expect(stages[0]?.metrics).toEqual([
    { output: "model", path: "loss", old: 4, new: 3, difference: -1, percent: -25 },
    { output: "model", path: "scores.zh", old: null, new: 0.25, difference: null, percent: null },
  ]);
});

test("a figure that was 0 has a difference and no percentage; of a negative one the sign is the direction", () => {
  const before = execution({ fingerprint: "1", outputs: { out: output("d", { a: 0, b: -2 }) } });
  const after = execution({ fingerprint: "2", outputs: { out: output("e", { a: 3, b: -1 }) } });
  const { stages } = compareRuns(
    run({ stages: { s: executed("1") } }),
    run({ stages: { s: executed("2") } }),
    finding(before, after),
  );
  expect(stages[0]?.metrics.map(({ difference, percent }) => [difference, percent])).toEqual([
    [3, null],
    [1, 50],
  ]);
});

test("stages of one run only, stages that left no execution, and equal stages are told apart", () => {
  const same = execution({ fingerprint: "1" });
  const { stages } = compareRuns(
    run({
      stages: { gone: executed("1"), same: { outcome: "hit", fingerprint: "1" }, broken: executed("1") },
    }),
    run({
      stages: {
        same: executed("1"),
        fresh: executed("1"),
        broken: { outcome: "failed", fingerprint: "1" },
        removed: executed("9"),
      },
    }),
    finding(same),
  );
  expect(Object.fromEntries(stages.map(({ stage, verdict }) => [stage, verdict]))).toEqual({
    same: "same",
    fresh: "only-new",
    // What the index has under the fingerprint of a stage that failed is not what that run made.
    broken: "unknown",
    removed: "only-new",
    gone: "only-old",
  });
});

test("executions under the same older rules do not differ by the rules of today", () => {
  const old = execution({ fingerprint: "1", fingerprintVersion: 0, params: { a: 1 } });
  const current = execution({ fingerprint: "2", fingerprintVersion: 0, params: { a: 2 } });
  const compared = (left: ExecutionRecord, right: ExecutionRecord) =>
    compareRuns(
      run({ stages: { s: executed("1") } }),
      run({ stages: { s: executed("2") } }),
      finding(left, right),
    ).stages[0]?.differences.map(({ code }) => code);
  expect(compared(old, current)).toEqual(["param-changed"]);
  expect(compared(old, { ...current, fingerprintVersion: 1 })).toContain("format-changed");
});

test("a figure goes by its path alone where that tells it apart", () => {
  const nameOf = nameFigures(
    [
      { output: "model", path: "loss" },
      { output: "log", path: "loss" },
      { output: "log", path: "seconds" },
    ],
    new Set(["seed"]),
  );
  expect(nameOf({ output: "model", path: "loss" })).toBe("model.loss");
  expect(nameOf({ output: "log", path: "seconds" })).toBe("seconds");
  expect(nameOf({ output: "log", path: "seed" })).toBe("log.seed");
});
