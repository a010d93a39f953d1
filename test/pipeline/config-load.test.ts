import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { z } from "zod";
import { configJsonSchema } from "../../src/pipeline/config-json-schema.ts";
import { loadConfig } from "../../src/pipeline/config-load.ts";

let projectRoot: string;
beforeEach(() => {
  projectRoot = mkdtempSync(join(tmpdir(), "config-"));
});
afterEach(() => rmSync(projectRoot, { recursive: true, force: true }));

const schema = z.strictObject({
  train: z.strictObject({
    steps: z.int().positive(),
    rate: z.number().default(0.1),
    sizes: z.array(z.int()).default([]),
    schedule: z.strictObject({ warmup: z.int().default(0) }).optional(),
  }),
  name: z.string().default("unnamed"),
});

function write(files: Readonly<Record<string, string>>): void {
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(dirname(join(projectRoot, path)), { recursive: true });
    writeFileSync(join(projectRoot, path), text);
  }
}

const load = (file: string, set: readonly string[] = []) => loadConfig({ projectRoot, file, set, schema });

async function messageOf(promise: Promise<unknown>, code: string): Promise<string> {
  const error: unknown = await promise.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  expect(error).toMatchObject({ code, kind: "user", hint: expect.stringMatching(/./) as string });
  return error instanceof Error ? error.message : "";
}

test("a recipe is read and defaults are filled in", async () => {
  write({ "configs/a.yaml": "train:\n  steps: 3\n" });
  expect(await load("configs/a.yaml")).toEqual({
    value: { train: { steps: 3, rate: 0.1, sizes: [] }, name: "unnamed" },
    file: "configs/a.yaml",
    files: [join(projectRoot, "configs/a.yaml")],
  });
});

test("extends merges maps key by key, replaces lists, and counts from its own file", async () => {
  write({
    "configs/base/deep.yaml": "train: {steps: 1, rate: 0.5, sizes: [1, 2]}\nname: deep\n",
    "configs/base/middle.yaml": "extends: deep.yaml\ntrain: {sizes: [9]}\n",
    "configs/top.yaml": "extends: base/middle.yaml\ntrain:\n  steps: 7\n",
  });
  expect((await load("configs/top.yaml")).value).toEqual({
    train: { steps: 7, rate: 0.5, sizes: [9] },
    name: "deep",
  });
});

test("--set overrides files, later ones win, and values are YAML", async () => {
  write({ "a.yaml": "train: {steps: 3}\n" });
  const { value } = await load("a.yaml", [
    "train.steps=4",
    "train.sizes=[1, 2]",
    "name=x=y",
    "train.steps=5",
    "train.schedule.warmup=2",
  ]);
  expect(value).toEqual({
    train: { steps: 5, rate: 0.1, sizes: [1, 2], schedule: { warmup: 2 } },
    name: "x=y",
  });
});

test("a misspelt key shows file, line, column, the lines around it, and the nearest key", async () => {
  write({ "configs/a.yaml": "name: x\ntrain:\n  steps: 3\n  ratte: 0.2\n" });
  expect(await messageOf(load("configs/a.yaml"), "CONFIG_INVALID")).toBe(
    [
      "configs/a.yaml:4:3: unknown key train.ratte; did you mean rate?",
      "  3 |   steps: 3",
      "> 4 |   ratte: 0.2",
      "    |   ^^^^^",
    ].join("\n"),
  );
});

test("a wrong value in an extended file is shown in that file", async () => {
  write({ "base.yaml": "train:\n  steps: many\n", "a.yaml": "extends: base.yaml\nname: x\n" });
  expect(await messageOf(load("a.yaml"), "CONFIG_INVALID")).toBe(
    [
      "base.yaml:2:10: train.steps: expected number, received string",
      "  1 | train:",
      "> 2 |   steps: many",
      "    |          ^^^^",
    ].join("\n"),
  );
});

test("a wrong element of a list is pointed at", async () => {
  write({ "a.yaml": "train:\n  steps: 1\n  sizes: [1, two]\n" });
  expect(await messageOf(load("a.yaml"), "CONFIG_INVALID")).toContain("a.yaml:3:14: train.sizes.1: ");
});

test("a missing key points at what should hold it", async () => {
  write({ "a.yaml": "name: x\ntrain:\n  rate: 1\n" });
  const message = await messageOf(load("a.yaml"), "CONFIG_INVALID");
  expect(message).toContain("a.yaml:2:1: train.steps is missing: ");
  expect(message).toContain("> 2 | train:\n    | ^^^^^");
});

test("all places are shown at once", async () => {
  write({ "a.yaml": "nam: x\ntrain:\n  steps: -1\n" });
  const message = await messageOf(load("a.yaml"), "CONFIG_INVALID");
  expect(message).toContain("a.yaml:1:1: unknown key nam; did you mean name?");
  expect(message).toContain("a.yaml:3:10: train.steps: ");
});

test.each([
  [
    "train.stepz=4",
    "--set:1:7: unknown key train.stepz; did you mean steps?",
    "> 1 | train.stepz=4\n    |       ^^^^^",
  ],
  ["train.steps=x", "--set:1:13: train.steps: ", "    |             ^"],
  ["train=1", "--set:1:7: train: ", "    |       ^"],
])("--set %s is shown as well as a file is", async (option, first, caret) => {
  write({ "a.yaml": "train: {steps: 3}\n" });
  const message = await messageOf(load("a.yaml", [option]), "CONFIG_INVALID");
  expect(message).toContain(first);
  expect(message).toContain(caret);
});

test("a misspelt key is told once, though the one that was meant is missing too", async () => {
  write({ "a.yaml": "train:\n  stesp: 3\n" });
  expect(await messageOf(load("a.yaml"), "CONFIG_INVALID")).toBe(
    [
      "a.yaml:2:3: unknown key train.stesp; did you mean steps?",
      "  1 | train:",
      "> 2 |   stesp: 3",
      "    |   ^^^^^",
    ].join("\n"),
  );
});

test("a value that is nearly one of those allowed is guessed at", async () => {
  write({ "a.yaml": "kind: {type: cosin}\nlanguage: ehn\n" });
  const choosing = z.strictObject({
    kind: z.discriminatedUnion("type", [
      z.strictObject({ type: z.literal("cosine") }),
      z.strictObject({ type: z.literal("constant") }),
    ]),
    language: z.enum(["en", "zh"]),
  });
  const loaded = loadConfig({ projectRoot, file: "a.yaml", schema: choosing });
  const message = await messageOf(loaded, "CONFIG_INVALID");
  expect(message).toMatch(/^a\.yaml:1:14: kind\.type: .*; did you mean cosine\?$/m);
  expect(message).toMatch(/^a\.yaml:2:11: language: .*; did you mean en\?$/m);
});

test("a recipe that lacks a whole section is told of extends", async () => {
  write({ "a.yaml": "name: x\n" });
  await expect(load("a.yaml")).rejects.toMatchObject({
    code: "CONFIG_INVALID",
    hint: expect.stringContaining("extends: tiny.yaml") as string,
  });
});

test.each([["train.steps"], ["=4"], ["train..steps=4"]])(
  "--set %s is refused for its form",
  async (option) => {
    write({ "a.yaml": "train: {steps: 3}\n" });
    expect(await messageOf(load("a.yaml", [option]), "CONFIG_SET_SYNTAX")).toContain(option);
  },
);

test("malformed YAML is shown where it breaks", async () => {
  write({ "a.yaml": "train:\n  steps: [1, 2\nname: x\n" });
  expect(await messageOf(load("a.yaml"), "CONFIG_SYNTAX")).toMatch(/^a\.yaml:3:1: [^]*> 3 \| name: x/);
});

test("a key that is written twice is malformed", async () => {
  write({ "a.yaml": "name: x\nname: y\ntrain: {steps: 1}\n" });
  expect(await messageOf(load("a.yaml"), "CONFIG_SYNTAX")).toContain("a.yaml:2:1: ");
});

test("a missing recipe is named; a missing base is shown where it is asked for", async () => {
  expect(await messageOf(load("configs/none.yaml"), "CONFIG_NOT_FOUND")).toContain("configs/none.yaml");
  write({ "a.yaml": "extends: none.yaml\n" });
  const message = await messageOf(load("a.yaml"), "CONFIG_NOT_FOUND");
  expect(message).toContain("a.yaml:1:10: there is no file none.yaml");
  expect(message).toContain("> 1 | extends: none.yaml");
});

test("a circle of extends is refused and named", async () => {
  write({ "a.yaml": "extends: b.yaml\n", "b.yaml": "extends: a.yaml\n" });
  expect(await messageOf(load("a.yaml"), "CONFIG_EXTENDS_CYCLE")).toContain("a.yaml → b.yaml → a.yaml");
});

test("an alias inside itself is refused, an honest one is followed", async () => {
  write({
    "a.yaml": "train: &t {steps: 1, schedule: *t}\n",
    "b.yaml": "train: {steps: &n 4, schedule: {warmup: *n}}\n",
  });
  await messageOf(load("a.yaml"), "CONFIG_SYNTAX");
  expect((await load("b.yaml")).value).toMatchObject({ train: { steps: 4, schedule: { warmup: 4 } } });
});

test("the JSON Schema for editors allows extends and requires nothing that a base may give", () => {
  const json = configJsonSchema(schema);
  expect(json).toMatchObject({
    properties: { extends: { type: "string" }, train: { properties: { steps: { type: "integer" } } } },
    additionalProperties: false,
  });
  expect(JSON.stringify(json)).not.toContain('"required"');
});
