import { expect, test } from "vitest";
import { fingerprintOf, type FingerprintFields } from "../../src/hashing/fingerprint.ts";

const fields: FingerprintFields = {
  stage: "train",
  params: { steps: 10, schedule: { warmup: 2 } },
  inputs: {
    left: { kind: "corpus", formatVersion: 1, digest: "a".repeat(64) },
    right: { kind: "corpus", formatVersion: 1, digest: "b".repeat(64) },
  },
  outputs: { model: { kind: "checkpoint", formatVersion: 1 } },
  sourceDigest: "c".repeat(64),
  packages: { zod: "4.0.0" },
  environment: { engine: "tensorflow" },
};
const { left, right } = fields.inputs as Record<"left" | "right", FingerprintFields["inputs"][string]>;

const edits: Readonly<Record<string, Partial<FingerprintFields>>> = {
  "another stage name": { stage: "tune" },
  "another param": { params: { steps: 11, schedule: { warmup: 2 } } },
  "a nested param": { params: { steps: 10, schedule: { warmup: 3 } } },
  "one more param": { params: { ...fields.params, extra: null } },
  "another input digest": { inputs: { left: { ...left, digest: "d".repeat(64) }, right } },
  "swapped inputs": { inputs: { left: right, right: left } },
  "a renamed input": { inputs: { left, write: right } },
  "an input read under another format": { inputs: { left: { ...left, formatVersion: 2 }, right } },
  "an input of another kind": { inputs: { left: { ...left, kind: "chat" }, right } },
  "an output written in another format": { outputs: { model: { kind: "checkpoint", formatVersion: 2 } } },
  "an output of another kind": { outputs: { model: { kind: "checkpoint/sft", formatVersion: 1 } } },
  "a renamed output": { outputs: { weights: { kind: "checkpoint", formatVersion: 1 } } },
  "other code": { sourceDigest: "d".repeat(64) },
  "another package version": { packages: { zod: "4.0.1" } },
  "another environment fact": { environment: { engine: "wasm" } },
};

test.each(Object.entries(edits))("%s is another fingerprint", (_name, edit) => {
  expect(fingerprintOf({ ...fields, ...edit })).not.toBe(fingerprintOf(fields));
});

test("no two of these edits collide", () => {
  const all = Object.values(edits).map((edit) => fingerprintOf({ ...fields, ...edit }));
  expect(new Set(all).size).toBe(all.length);
});

test("what is no field of the key does not reach it", () => {
  const input = { ...left, producer: "x".repeat(64), path: "/somewhere" };
  const carrying = { ...fields, inputs: { left: input, right }, stageId: "train-2" };
  expect(fingerprintOf(carrying)).toBe(fingerprintOf(fields));
});

test("key order is not a field", () => {
  const turned = Object.fromEntries(Object.entries(fields).reverse()) as unknown as FingerprintFields;
  expect(fingerprintOf(turned)).toBe(fingerprintOf(fields));
});
