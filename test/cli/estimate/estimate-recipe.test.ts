/** What `estimate` tells of a recipe whose steps several devices share. */
import { expect, test } from "vitest";
import { configFile } from "../../../src/cli/config-file.ts";
import { estimateRecipe } from "../../../src/cli/estimate/estimate-recipe.ts";
import { trainingRecipeSchema, type TrainingRecipe } from "../../../src/cli/estimate/training-recipe.ts";
import { noPaint } from "../../../src/cli/paint.ts";
import { estimateText } from "../../../src/cli/text/estimate-text.ts";
import { openDevices } from "../../../src/engine/open-devices.ts";
import { loadConfig } from "../../../src/pipeline/config-load.ts";
import { measureTraining } from "../../../src/train/measure-training.ts";
import { defineLlama } from "../../../src/model/llama-config.ts";
import { defineOptimizer } from "../../../src/train/optimizer.ts";

const projectRoot = process.cwd();

async function recipe(config: string, devices: number, change: Partial<TrainingRecipe["pretrain"]> = {}) {
  const file = configFile(config, { projectRoot, workingDirectory: projectRoot });
  const { value } = await loadConfig({ projectRoot, file, schema: trainingRecipeSchema });
  const parsed = trainingRecipeSchema.parse(value);
  return { config, flags: [], recipe: { ...parsed, pretrain: { ...parsed.pretrain, ...change, devices } } };
}

const machine = (device: "cpu" | "gpu", memoryBytes: number) => ({
  engine: { kind: "tensorflow" as const, version: "2.21.0", device },
  memoryBytes,
  diskBytes: 1e12,
});

test("MiniLM's recipe fits its machine, two RTX 3080, as it is written", async () => {
  const { config, flags, recipe: written } = await recipe("minilm", 2);
  const estimate = estimateRecipe(
    { config, flags, recipe: written },
    machine("gpu", 10 * 2 ** 30),
    undefined,
  );
  expect(estimate.problems).toEqual([]);
  expect(estimate.devices[0]).toMatchObject({ device: "2 × RTX 3080", needs: [], tooLarge: [] });
  expect([written.sft.devices, written.dpo.devices]).toEqual([2, 2]);
});

test("with more rows and nothing computed again: what each device holds, and what has to be there", async () => {
  const larger = { microBatchSize: 8, gradientAccumulation: 16, recompute: "none" } as const;
  const estimate = estimateRecipe(await recipe("minilm", 2, larger), machine("gpu", 1e12), undefined);
  const found = estimate.devices.find(({ device }) => device === "2 × RTX 3080");
  // 8 rows of 1,024: attention's weights alone are 30 layers × 8 × 9 × 1,024² × 4 bytes = 9.06 GB.
  expect(found).toMatchObject({
    needs: [{ stage: "pretrain", recompute: "blocks" }],
    tooLarge: [],
  });
  const alone = estimateRecipe(await recipe("minilm", 1, larger), machine("gpu", 1e12), undefined);
  const single = alone.devices.find(({ device }) => device === "RTX 3080");
  const gain = (found?.tokensPerSecond ?? NaN) / (single?.tokensPerSecond ?? NaN);
  expect(gain).toBeGreaterThan(1);
  expect(gain).toBeLessThan(2);
  expect(estimate.pretrain.memory).toEqual(alone.pretrain.memory);
  expect(estimate.machine.neededMemoryBytes).toBe(alone.machine.neededMemoryBytes);
  const text = estimateText(estimate, noPaint);
  expect(text).toContain("memory of pretraining, in float32, on each of 2 devices: 21.1 GB");
  expect(text).toContain("fits with pretrain.recompute=blocks");
  expect(text).toContain("TF32");
}, 60_000);

test("devices that are shares of the cores need the machine's memory once each, and room for what they share", async () => {
  const needed = async (devices: number) => {
    const estimate = estimateRecipe(
      await recipe("tiny", devices, { gradientAccumulation: 2 }),
      machine("cpu", 1e12),
      undefined,
    );
    return { ...estimate.pretrain.memory, needed: estimate.machine.neededMemoryBytes };
  };
  const [one, two] = [await needed(1), await needed(2)];
  const [runtimes, ours] = [2 * 0.7e9, 2 * (two.total + two.accumulators)];
  expect(two.needed).toBeCloseTo(runtimes + ours, 0);
  expect(two.total).toBe(one.total);
});

test("more devices than the machine has memory for: one of them is proposed", async () => {
  const many = await recipe("tiny", 64, { gradientAccumulation: 64 });
  const [problem] = estimateRecipe(many, machine("cpu", 8e9), undefined).problems;
  expect(problem?.hint).toMatch(/^npx pipeline estimate --set pretrain\.devices=1 needs \d+ MB$/);
});

test("several devices are measured as they train: all at once, with what they share added up", async () => {
  const model = defineLlama({
    ...{ hiddenSize: 4, intermediateSize: 6, numLayers: 1, numHeads: 1, numKvHeads: 1 },
    ...{ vocabSize: 10, contextLength: 4 },
  });
  const options = {
    ...{ model, microBatchSize: 1, sequenceLength: 4, gradientAccumulation: 2 },
    optimizer: defineOptimizer(),
  };
  const engine = await openDevices({ kind: "cpu", devices: 2 });
  const measured = await measureTraining({ engine, options, budgetMs: 1 });
  expect(measured).toMatchObject({ engine: engine.identity, devices: 2, sequences: 1, sequenceLength: 4 });
  const { callMs, updateMs } = measured;
  expect(callMs.fixed + callMs.layer).toBeGreaterThan(0);
  expect(updateMs.fixed + updateMs.layer).toBeGreaterThan(0);
});
