/** The real stages, from text to a trained base model, in a project of their own. */
import { appendFileSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { RunnerEvent } from "../../src/runner/event.ts";
import { createRealProject, steps, vocabSize, type RealProject } from "./real-project.ts";

const stageIds = ["download-sample", "train-tokenizer", "tokenize", "shard", "pretrain"];

let project: RealProject;
beforeAll(async () => {
  project = createRealProject();
  await project.run("pretrain");
}, 120_000);
afterAll(() => project[Symbol.dispose]());

const of = <T extends RunnerEvent["type"]>(events: readonly RunnerEvent[], type: T) =>
  events.filter((event): event is Extract<RunnerEvent, { type: T }> => event.type === type);

const read = (path: string): string => readFileSync(join(project.directory, "artifacts", path), "utf8");
const readLines = (path: string): unknown[] =>
  read(path)
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => JSON.parse(line) as unknown);

test("a second run executes nothing", async () => {
  const events = await project.run("pretrain");
  expect(of(events, "stage-started")).toEqual([]);
  expect(of(events, "stage-hit").map(({ stage }) => stage)).toEqual(stageIds);
  expect(events.at(-1)).toMatchObject({ type: "run-finished", status: "succeeded", executed: 0, hits: 5 });
});

test("plan --json is one object: each stage with decision, reasons and fingerprint", async () => {
  const { stages } = await project.plan("pretrain");
  expect(stages.map(({ id }) => id)).toEqual(stageIds);
  for (const { decision, reasons, fingerprint } of stages) {
    expect(decision).toBe("hit");
    expect(reasons.map(({ code }) => code)).toEqual(["cached"]);
    expect(fingerprint).toMatch(/^[0-9a-f]{64}$/);
  }
});

const decisions = async (...commandLine: readonly string[]): Promise<Record<string, string>> =>
  Object.fromEntries(
    (await project.plan("pretrain", ...commandLine)).stages
      .filter(({ decision }) => decision !== "hit")
      .map(({ id, decision, reasons }) => [
        id,
        `${decision}: ${reasons.map(({ code, field }) => `${code} ${field ?? ""}`.trim()).join(", ")}`,
      ]),
  );

test("a changed param of pretrain is the one reason to run pretrain alone", async () => {
  expect(await decisions("--set", "pretrain.seed=2")).toEqual({ pretrain: "run: param-changed seed" });
});

test.each([
  ["the mix's weights", ["--set", "shard.mix=[{language: en, weight: 1}, {language: zh, weight: 2}]"], "mix"],
  ["the seed", ["--set", "shard.seed=2"], "seed"],
  ["the validation fraction", ["--set", "shard.validationFraction=0.2"], "validationFraction"],
])("%s of the shards: documents are not encoded again", async (_what, set, field) => {
  const changed = await decisions(...set);
  expect(changed["shard"]).toMatch(new RegExp(`^run: param-changed ${field}`));
  expect(Object.keys(changed).sort()).toEqual(["pretrain", "shard"]);
});

test("the context length concerns training alone: shards are cut into windows when they are read", async () => {
  expect(Object.keys(await decisions("--set", "pretrain.model.contextLength=128"))).toEqual(["pretrain"]);
});

test("whether attention stays within documents decides the result", async () => {
  expect(await decisions("--set", "pretrain.intraDocumentMask=true")).toEqual({
    pretrain: "run: param-changed intraDocumentMask",
  });
});

test("how often a checkpoint is written changes no result, so it is a hit", async () => {
  expect(await decisions("--set", "pretrain.checkpointEverySteps=7")).toEqual({});
});

test("comments in stages and in what they import rerun nothing", async () => {
  for (const file of ["stages/pretrain.ts", "stages/download-sample.ts", "src/train/train-loop.ts"])
    appendFileSync(join(project.directory, file), "\n// A remark that changes nothing.\n");
  expect(await decisions()).toEqual({});
});

test("pretraining begins at ln(vocabSize), as a model that knows nothing does, and learns", () => {
  const lines = readLines("pretrain/checkpoint/metrics.jsonl") as { step: number; loss: number }[];
  expect(lines.map(({ step }) => step)).toEqual(Array.from({ length: steps }, (_, index) => index + 1));
  expect(Math.abs((lines[0]?.loss ?? NaN) - Math.log(vocabSize))).toBeLessThan(0.15);
  const last = lines.slice(-5).map(({ loss }) => loss);
  expect(Math.max(...last)).toBeLessThan(Math.log(vocabSize) - 1);
});

test("no held-out text is trained on, and none is lost", () => {
  const texts = (split: string) =>
    readLines(`download-sample/corpus/${split}.jsonl`).map((line) => (line as { text: string }).text);
  const training = new Set(texts("train"));
  const heldOut = texts("heldout");
  expect(heldOut.length).toBeGreaterThan(20);
  expect(heldOut.filter((text) => training.has(text))).toEqual([]);
  expect(training.size + heldOut.length).toBe(800);
});

test("the model's folder is whole: weights, config and tokenizer agree on the vocabulary", () => {
  const config: unknown = JSON.parse(read("pretrain/checkpoint/config.json"));
  const tokenizer: unknown = JSON.parse(read("pretrain/checkpoint/tokenizer.json"));
  expect(config).toMatchObject({ vocab_size: vocabSize, hidden_size: 32, num_hidden_layers: 2 });
  expect(tokenizer).toEqual(JSON.parse(read("train-tokenizer/tokenizer/tokenizer.json")));
});

test("attention within documents trains, on the same first batch with another loss", async () => {
  const losses = () =>
    (readLines("pretrain/checkpoint/metrics.jsonl") as { loss: number }[]).map(({ loss }) => loss);
  const [undivided] = losses();
  const events = await project.run(
    "pretrain",
    ...["--set", "pretrain.intraDocumentMask=true", "--set", "pretrain.steps=20"],
  );
  expect(events.at(-1)).toMatchObject({ type: "run-finished", status: "succeeded", executed: 1 });
  const [first = NaN, ...later] = losses();
  expect(first).not.toBe(undivided);
  expect(Math.abs(first - Math.log(vocabSize))).toBeLessThan(0.15);
  expect(later.at(-1)).toBeLessThan(Math.log(vocabSize) - 0.5);
});
