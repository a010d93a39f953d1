import { expect, test } from "vitest";
import { createPreferenceSource } from "../../../src/data/loader/preference-source.ts";
import type { PreferencePair } from "../../../src/data/records.ts";
import { renderChat } from "../../../src/tokenizer/chat-template.ts";
import { contents } from "./contents.ts";
import { documents, encoder } from "../shards/corpus.ts";

const options = { batchSize: 2, sequenceLength: 96, seed: 3, maxPromptLength: 64, systemPrompt: null };
const pairs: PreferencePair[] = documents.slice(0, 11).map(({ text, language, source }, at) => ({
  prompt: [
    { role: "user", content: `What of ${at}?` },
    { role: "assistant", content: "What?" },
    { role: "user", content: "That." },
  ],
  chosen: text,
  rejected: `${text.slice(0, 9)} not`,
  language,
  source,
}));
const pair = pairs[0] as PreferencePair;

test("both rows hold the prompt and their answer, supervised on the answer and its end only", async () => {
  const source = createPreferenceSource(pairs, encoder, options);
  const { chosen, rejected, indices, batchSize } = await source.next();
  for (let row = 0; row < batchSize; row++) {
    const of = pairs[indices[row] ?? -1] as PreferencePair;
    for (const [side, answer] of [
      [chosen, of.chosen],
      [rejected, of.rejected],
    ] as const) {
      const [start, end] = [row * 96, (row + 1) * 96];
      const inputs = side.inputs.slice(start, end);
      const targets = side.targets.slice(start, end);
      const mask = side.lossMask.slice(start, end);
      expect(encoder.decode(targets.filter((_, at) => mask[at] === 1))).toBe(`${answer}<|im_end|>`);
      const prompt = renderChat(of.prompt, { addGenerationPrompt: true, systemPrompt: null });
      expect(encoder.decode(inputs.slice(0, mask.indexOf(1) + 1))).toBe(prompt);
    }
  }
});

test("every pair comes once an epoch under its own number", async () => {
  const source = createPreferenceSource(pairs, encoder, { ...options, batchSize: 1 });
  expect(source.pairCount).toBe(11);
  const seen: number[] = [];
  for (let i = 0; i < 11; i++) seen.push(...(await source.next()).indices);
  expect(seen.sort((a, b) => a - b)).toEqual(Array.from({ length: 11 }, (_, at) => at));
});

test("pairs that cannot be used are dropped by reason, cut answers counted, and the rest numbered without gaps", async () => {
  const source = createPreferenceSource(
    [
      { ...pair, prompt: [{ role: "user", content: "the river ".repeat(60) }] },
      { ...pair, rejected: pair.chosen },
      { ...pair, chosen: "the river ".repeat(100) },
      pair,
    ],
    encoder,
    { ...options, batchSize: 2 },
  );
  expect(source).toMatchObject({
    pairCount: 2,
    truncated: 1,
    dropped: { promptTooLong: 1, noAnswer: 0, identical: 1 },
  });
  expect([...(await source.next()).indices].sort()).toEqual([0, 1]);
  const short = { ...options, sequenceLength: 8 };
  expect(() => createPreferenceSource([pair], encoder, short)).toThrow(/"noAnswer":1/);
});

test("a source resumed at any cursor goes on as the uninterrupted one", async () => {
  for (let before = 0; before < 14; before++) {
    const straight = createPreferenceSource(pairs, encoder, options);
    for (let i = 0; i < before; i++) await straight.next();
    const resumed = createPreferenceSource(pairs, encoder, options);
    resumed.seek(straight.cursor());
    expect(await contents(await resumed.next())).toEqual(await contents(await straight.next()));
  }
});

test("a batch names the pairs of its rows by their places in the data", async () => {
  const identical = { ...pair, rejected: pair.chosen };
  const source = createPreferenceSource([identical, ...pairs], encoder, options);
  const { indices, origins } = await source.next();
  expect(await origins?.()).toEqual([...indices].map((index) => `pair ${index + 1}`));
});
