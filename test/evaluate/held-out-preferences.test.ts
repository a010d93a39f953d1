/** DPO's figures on held-out pairs: those of each pair by itself, and the same bits however many devices share the pairs. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { createPreferenceSource } from "../../src/data/loader/preference-source.ts";
import { createRandom } from "../../src/data/random.ts";
import { openDevices } from "../../src/engine/open-devices.ts";
import { heldOutPreferences, type HeldOutPairs } from "../../src/evaluate/held-out-preferences.ts";
import { createInferenceModel } from "../../src/evaluate/inference-model.ts";
import { preferenceScores } from "../../src/evaluate/preference-scores.ts";
import { sequenceLogProbabilities } from "../../src/evaluate/sequence-scores.ts";
import { defineLlama } from "../../src/model/llama-config.ts";
import { loadLlama, saveLlama } from "../../src/model/llama-files.ts";
import { initialValue, listParameters } from "../../src/model/llama-parameters.ts";
import { encodeChat } from "../../src/tokenizer/chat-template.ts";
import { documents, encoder } from "../data/shards/corpus.ts";
import { openExecutor } from "../model/executors.ts";

const sequenceLength = 48;
const config = defineLlama({
  hiddenSize: 8,
  intermediateSize: 12,
  numLayers: 1,
  numHeads: 2,
  numKvHeads: 1,
  vocabSize: encoder.vocabSize,
  contextLength: sequenceLength,
});
const pairs = documents.slice(0, 7).map(({ text, language, source }, at) => ({
  prompt: [{ role: "user" as const, content: `${at}?` }],
  chosen: text.slice(0, 8),
  rejected: `${text.slice(0, 5)} not`,
  language,
  source,
}));
const beta = 0.5;

/** Two pairs a batch: the last of four batches runs into the next epoch. */
const heldOut = (): HeldOutPairs =>
  createPreferenceSource(pairs, encoder, {
    ...{ batchSize: 2, sequenceLength, maxPromptLength: 40, seed: 3, systemPrompt: null },
  });

let folder: string;
let models: { readonly policy: string; readonly reference: string };

async function saveModel(seed: string): Promise<string> {
  const directory = await mkdtemp(join(folder, "model-"));
  const random = createRandom(seed);
  const values = new Map(
    listParameters(config).map((parameter) => [
      parameter.name,
      // Far from equal chances, so that models differ.
      initialValue(parameter, config, () => 20 * random.nextGaussian()),
    ]),
  );
  await saveLlama(directory, config, (name) => {
    const value = values.get(name);
    return value === undefined ? Promise.reject(new Error(`no ${name}`)) : Promise.resolve(value);
  });
  return directory;
}

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "held-out-"));
  models = { policy: await saveModel("policy"), reference: await saveModel("reference") };
});
afterAll(() => rm(folder, { recursive: true, force: true }));

/** Σ log p of each pair's answers, a sequence at a time, without batches of pairs. */
async function eachByItself(directory: string) {
  await using files = await loadLlama(directory);
  await using model = await createInferenceModel(await openExecutor("wasm"), files, {
    ...{ batchSize: 1, sequenceLength },
  });
  const scoresOf = (side: "chosen" | "rejected") =>
    sequenceLogProbabilities(
      model,
      pairs.map((pair) => {
        const answered = [...pair.prompt, { role: "assistant" as const, content: pair[side] }];
        const { ids, lossMask } = encodeChat(encoder, answered, { systemPrompt: null });
        return { ids, mask: lossMask };
      }),
    );
  return { chosen: await scoresOf("chosen"), rejected: await scoresOf("rejected") };
}

test("every held-out pair counts once, with its own log-probabilities under both models", async () => {
  const found = await heldOutPreferences(await openExecutor("wasm"), models, heldOut(), beta);
  const expected = preferenceScores(
    await eachByItself(models.policy),
    await eachByItself(models.reference),
    beta,
  );
  expect(found.pairs).toBe(pairs.length);
  for (const figure of ["loss", "rewardAccuracy", "rewardMargin", "rewardChosen", "rewardRejected"] as const)
    expect(found[figure], figure).toBeCloseTo(expected[figure], 4);
  expect(Math.abs(found.rewardMargin)).toBeGreaterThan(0.01);
});

test.each([2, 3])("%i devices give the figures of one, to the bit", async (count) => {
  const one = await heldOutPreferences(await openExecutor("wasm"), models, heldOut(), beta);
  const devices = await openDevices({ kind: "wasm", devices: count });
  expect(await heldOutPreferences(devices, models, heldOut(), beta)).toEqual(one);
});

test("every other batch is the second device's", async () => {
  const source = heldOut();
  let batches = 0;
  const next = async () => {
    const batch = await source.next();
    const { chosen } = batch;
    return batches++ === 1 ? { ...batch, chosen: { ...chosen, inputs: chosen.inputs.slice(1) } } : batch;
  };
  const devices = await openDevices({ kind: "wasm", devices: 2 });
  const spoilt: HeldOutPairs = { ...source, pairCount: pairs.length, next };
  await expect(heldOutPreferences(devices, models, spoilt, beta)).rejects.toMatchObject({
    message: expect.stringContaining("device 1: ") as string,
  });
});
