/** An execution as the index keeps it, with what a test says about it. Not a test. */
import type { JsonObject } from "../../src/std/json.ts";
import type { ExecutionRecord, OutputEntry, RunRecord } from "../../src/store/records.ts";

export const output = (digest: string, summary: JsonObject = {}): OutputEntry => {
  return { digest, kind: "k", formatVersion: 1, sizeBytes: 1, summary };
};

export const execution = (some: Partial<ExecutionRecord>): ExecutionRecord => {
  return {
    fingerprint: "f",
    fingerprintVersion: 1,
    stageId: "stage",
    stageName: "stage",
    params: {},
    runtimeParams: {},
    inputs: {},
    outputs: {},
    source: { digest: "s", files: { "a.ts": "1" } },
    packages: {},
    environment: {},
    runId: "run",
    startedAt: "2026-01-01T00:00:00.000Z",
    durationMs: 1,
    resumedFrom: [],
    logFile: "",
    ...some,
  };
};

export const run = (some: Partial<RunRecord>): RunRecord => {
  return {
    runId: "run",
    pipeline: "p",
    config: "configs/test.yaml",
    targets: [],
    startedAt: "2026-01-01T00:00:00.000Z",
    durationMs: 1,
    status: "succeeded",
    executed: 0,
    hits: 0,
    stages: {},
    ...some,
  };
};
