import { dirname } from "node:path";
import { expect, test } from "vitest";
import { encodeQuestion } from "../../src/evaluate/encode-question.ts";
import { createInferenceModel } from "../../src/evaluate/inference-model.ts";
import { multipleChoice } from "../../src/evaluate/multiple-choice.ts";
import { sequenceLogProbabilities, type MarkedSequence } from "../../src/evaluate/sequence-scores.ts";
import { loadLlama } from "../../src/model/llama-files.ts";
import { renderChat } from "../../src/tokenizer/chat-template.ts";
import { encoder } from "../data/shards/corpus.ts";
import { openExecutor } from "../model/executors.ts";
import { goldenPath } from "../model/golden-llama.ts";
import { frequencyModel, probabilitiesOf } from "./frequency-model.ts";

const engine = await openExecutor("wasm");

async function openGolden(batchSize: number, sequenceLength: number) {
  await using files = await loadLlama(dirname(goldenPath("model.safetensors")));
  return await createInferenceModel(engine, files, { batchSize, sequenceLength });
}

/** Ids 0 to 319 in no particular order; the mask marks the last `marked`. */
function sequence(length: number, marked: number): MarkedSequence {
  const ids = Int32Array.from({ length }, (_, index) => (index * 97 + length * 31) % 320);
  return { ids, mask: Uint8Array.from(ids, (_, index) => Number(index >= length - marked)) };
}

test("log-probabilities do not depend on how sequences fall into batches", async () => {
  const sequences = [2, 9, 24, 5, 17, 25, 3].map((length) => sequence(length, Math.min(4, length - 1)));
  await using one = await openGolden(1, 24);
  const expected = await sequenceLogProbabilities(one, sequences);
  expect(expected.every((score) => score < 0)).toBe(true);
  for (const batchSize of [2, 3, 8]) {
    await using model = await openGolden(batchSize, 24);
    const scores = await sequenceLogProbabilities(model, sequences);
    scores.forEach((score, index) => expect(score).toBeCloseTo(expected[index] ?? NaN, 3));
  }
});

test("of a sequence that is too long the last tokens are read", async () => {
  await using model = await openGolden(2, 24);
  const { ids, mask } = sequence(60, 30);
  const [long, cut] = await sequenceLogProbabilities(model, [
    { ids, mask },
    { ids: Array.from(ids).slice(-25), mask: Array.from(mask).slice(-25) },
  ]);
  expect(long).toBe(cut);
});

test("marked tokens, and no others, are summed", async () => {
  const files = frequencyModel(probabilitiesOf(8, { 1: 0.5, 2: 0.25, 3: 0.125 }));
  await using model = await createInferenceModel(engine, files, { batchSize: 2, sequenceLength: 8 });
  const scores = await sequenceLogProbabilities(model, [
    { ids: [3, 1, 2, 1], mask: [0, 0, 1, 1] },
    { ids: [1, 3], mask: [1, 1] }, // nothing comes before the first token: it is not scored
    { ids: [2, 3, 3], mask: [0, 0, 0] },
  ]);
  expect(scores[0]).toBeCloseTo(Math.log(0.25 * 0.5), 5);
  expect(scores[1]).toBeCloseTo(Math.log(0.125), 5);
  expect(scores[2]).toBeCloseTo(0, 10);
});

test("accuracy takes the likeliest choice, accuracyNorm the likeliest by character", async () => {
  // ln ½ = −0.69, ln ¼ = −1.39, ln ⅛ = −2.08
  const files = frequencyModel(probabilitiesOf(8, { 1: 0.5, 2: 0.25, 3: 0.125 }));
  await using model = await createInferenceModel(engine, files, { batchSize: 3, sequenceLength: 8 });
  const choice = (characters: number, ...ids: number[]) => ({
    ids: [0, ...ids],
    mask: [0, ...ids.map(() => 1)],
    characters,
  });
  const likelier = [choice(1, 1), choice(1, 3)]; // −0.69 against −2.08
  const longer = [choice(1, 2), choice(10, 1, 1, 1)]; // −1.39 against −2.08; by character −1.39 against −0.21
  expect(
    await multipleChoice(model, [
      { choices: likelier, answer: 0 },
      { choices: longer, answer: 1 },
      { choices: [...longer, choice(1, 3), choice(2, 3)], answer: 0 },
    ]),
  ).toEqual({ accuracy: 2 / 3, accuracyNorm: 2 / 3, chance: (1 / 2 + 1 / 2 + 1 / 4) / 3, questions: 3 });
  expect(await multipleChoice(model, [{ choices: longer, answer: 1 }])).toMatchObject({
    accuracy: 0,
    accuracyNorm: 1,
  });
});

test("a question becomes the chat up to each choice, with the choice and its end marked", () => {
  const prompt = [{ role: "user" as const, content: "2 + 2?" }];
  const systemPrompt = "Answer.";
  const question = { prompt, choices: ["4", "二十二"], answer: 0, language: "en" as const, source: "test" };
  const { choices, answer } = encodeQuestion(encoder, question, { systemPrompt });
  expect(answer).toBe(0);
  expect(choices).toHaveLength(2);
  const head = renderChat(prompt, { systemPrompt, addGenerationPrompt: true });
  for (const [index, { ids, mask, characters }] of choices.entries()) {
    const content = question.choices[index] ?? "";
    expect(characters).toBe(content.length);
    expect(encoder.decode(ids)).toBe(`${head}${content}<|im_end|>`);
    expect(encoder.decode(Array.from(ids).filter((_, at) => mask[at] === 1))).toBe(`${content}<|im_end|>`);
  }
});
