import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { defineLlama, fromHuggingFaceConfig, toHuggingFaceConfig } from "../../src/model/llama-config.ts";
import { loadLlama, openLlamaWeights, saveLlama } from "../../src/model/llama-files.ts";
import { countParameters, initialValue, listParameters } from "../../src/model/llama-parameters.ts";
import { golden, goldenConfig, goldenPath } from "./golden-llama.ts";

const minilm = {
  hiddenSize: 576,
  intermediateSize: 1536,
  numLayers: 30,
  numHeads: 9,
  numKvHeads: 3,
  vocabSize: 20_000,
  contextLength: 1024,
};

test("parameters are counted exactly", () => {
  expect(countParameters(defineLlama(minilm))).toBe(117_723_456);
  expect(countParameters(defineLlama({ ...minilm, vocabSize: 49_152 }))).toBe(134_515_008);
  expect(countParameters(defineLlama({ ...minilm, vocabSize: 32_000 }))).toBe(124_635_456);
  expect(countParameters(goldenConfig)).toBe(golden.parameters);
});

test("the constants default to those of SmolLM2's pretraining", () => {
  expect(defineLlama(minilm)).toMatchObject({ ropeTheta: 10_000, rmsNormEpsilon: 1e-5 });
  expect(defineLlama(minilm).initializerRange).toBeCloseTo(0.0416667, 6);
});

test.each([
  [{ numHeads: 7 }, "numHeads (7) does not divide hiddenSize (576)"],
  [{ numKvHeads: 2 }, "numKvHeads (2) does not divide numHeads (9)"],
  [{ numHeads: 192, numKvHeads: 192 }, "an odd head width"],
  [{ numLayers: 0 }, "numLayers is 0"],
  [{ vocabSize: 1.5 }, "vocabSize is 1.5"],
  [{ ropeTheta: -1 }, "ropeTheta is -1"],
])("%j is refused by name", (change, message) => {
  expect(() => defineLlama({ ...minilm, ...change })).toThrow(
    expect.objectContaining({
      code: "MODEL_CONFIG_INVALID",
      kind: "user",
      message: expect.stringContaining(message) as string,
    }),
  );
});

test("config.json survives writing and reading, and another architecture is refused", () => {
  const config = defineLlama({ ...minilm, ropeTheta: 100_000 });
  const json = toHuggingFaceConfig(config);
  expect(fromHuggingFaceConfig(json)).toEqual(config);
  expect(() => fromHuggingFaceConfig({ ...json, tie_word_embeddings: false })).toThrow(
    "tie_word_embeddings is false",
  );
  expect(() => fromHuggingFaceConfig({ ...json, hidden_size: "576" })).toThrow("hidden_size");
});

test("the rotary fields are also read where transformers 5 writes them", () => {
  const config = defineLlama({ ...minilm, ropeTheta: 100_000 });
  const { rope_theta, rope_scaling: _none, ...json } = toHuggingFaceConfig(config);
  const rope = (rope_type: string) => ({
    ...json,
    rope_parameters: { rope_type, rope_theta: rope_theta ?? 0 },
  });
  expect(fromHuggingFaceConfig(rope("default"))).toEqual(config);
  expect(() => fromHuggingFaceConfig(rope("yarn"))).toThrow("rope_scaling");
});

test("matrices begin with the given spread, the tied embedding with a third of it, norms with one", () => {
  const config = defineLlama({ ...minilm, hiddenSize: 64, numHeads: 2, numKvHeads: 1, numLayers: 1 });
  let state = 0;
  const nextGaussian = () => (state++ % 2 === 0 ? 1 : -2);
  for (const info of listParameters(config)) {
    const { data } = initialValue(info, config, nextGaussian);
    const spread = Math.fround(info.name === "model.embed_tokens.weight" ? 0.125 / 3 : 0.125);
    expect(new Set(data)).toEqual(info.shape.length === 1 ? new Set([1]) : new Set([spread, -2 * spread]));
  }
});

test("a model folder is read back as it was written", async () => {
  const folder = await mkdtemp(join(tmpdir(), "llama-"));
  try {
    await using original = await loadLlama(goldenPath(""));
    await saveLlama(folder, original.config, (name) => original.read(name));
    await using copy = await loadLlama(folder);
    expect(copy.config).toEqual(original.config);
    for (const { name } of listParameters(original.config))
      expect(await copy.read(name)).toEqual(await original.read(name));
    await writeFile(join(folder, "config.json"), "[");
    await expect(loadLlama(folder)).rejects.toMatchObject({ code: "MODEL_CONFIG_INVALID" });
    // Tensors in the order of the forward pass; the reference library reads them whatever their order.
    expect((await readFile(join(folder, "model.safetensors"))).length).toBeGreaterThan(golden.parameters * 4);
  } finally {
    await rm(folder, { recursive: true });
  }
});

test("weights of another shape are refused by name", async () => {
  await expect(
    openLlamaWeights(goldenPath("model.safetensors"), defineLlama({ ...goldenConfig, intermediateSize: 96 })),
  ).rejects.toMatchObject({
    code: "MODEL_WEIGHTS_MISMATCH",
    message: expect.stringContaining(
      "mlp.gate_proj.weight is float32(128, 48), the model has float32(96, 48)",
    ) as string,
  });
});
