import { expect, test } from "vitest";
import { type TrainBpeOptions, trainBpe } from "../../src/tokenizer/train-bpe.ts";
import { readCorpus, readGoldenJson, specialTokens } from "./golden.ts";

const options: TrainBpeOptions = {
  vocabSize: 400,
  minFrequency: 2,
  specialTokens,
  splitPattern: "gpt2",
  splitDigits: true,
};

interface GoldenTokenizer {
  readonly model: { readonly vocab: Record<string, number>; readonly merges: readonly [string, string][] };
}

test.each([400, 800])(
  "training gives Hugging Face's vocabulary and merges in its order (%i entries)",
  async (vocabSize) => {
    const model = await trainBpe(readCorpus(), { ...options, vocabSize });
    const golden = readGoldenJson(`tokenizer-${vocabSize}.json`) as GoldenTokenizer;
    expect(Object.fromEntries(model.tokens.map((token, id) => [token, id]))).toEqual(golden.model.vocab);
    expect(model.merges.map(([first, second]) => [model.tokens[first], model.tokens[second]])).toEqual(
      golden.model.merges,
    );
    for (const [first, second, merged] of model.merges) {
      expect(model.tokens[merged]).toBe(`${model.tokens[first]}${model.tokens[second]}`);
    }
  },
);

test("texts may come as a stream, cut into documents anywhere a piece ends", async () => {
  const whole = await trainBpe(readCorpus(), options);
  async function* stream() {
    for (const text of readCorpus()) {
      await Promise.resolve();
      for (const line of text.split(/(?=\n)/)) yield line;
    }
  }
  expect(await trainBpe(stream(), options)).toEqual(whole);
});

test("any number of threads gives the same tokenizer", async () => {
  // More texts than fit one batch, and words that several threads see.
  const texts = Array.from({ length: 30 }, () => readCorpus()).flat();
  const whole = await trainBpe(texts, options);
  for (const workers of [2, 3]) expect(await trainBpe(texts, { ...options, workers })).toEqual(whole);
});

test("an empty corpus is an error with threads too, and so is a source that breaks off", async () => {
  await expect(trainBpe([], { ...options, workers: 2 })).rejects.toMatchObject({ code: "TOKENIZER_NO_TEXT" });
  const broken = (function* () {
    yield "text";
    throw new Error("the source broke off");
  })();
  await expect(trainBpe(broken, { ...options, workers: 2 })).rejects.toThrow("the source broke off");
});

test("training ends early where no pair is frequent enough", async () => {
  const model = await trainBpe(["ab ab cd"], { ...options, vocabSize: 1000 });
  // "ab" twice; " ab", " cd" and "cd" once each.
  expect(model.tokens.slice(259)).toEqual(["ab"]);
  const all = await trainBpe(["ab ab cd"], { ...options, vocabSize: 1000, minFrequency: 0 });
  expect(all.tokens.slice(259)).toEqual(["ab", "cd", "Ġab", "Ġcd"]);
});

test("options that cannot work are refused with what to change", async () => {
  const train = (changed: Partial<TrainBpeOptions>) => trainBpe(["text"], { ...options, ...changed });
  await expect(train({ vocabSize: 258 })).rejects.toThrow(/vocabSize must be an integer from 259/);
  await expect(train({ vocabSize: 2 ** 22 })).rejects.toThrow(/vocabSize/);
  await expect(train({ minFrequency: -1 })).rejects.toThrow(/minFrequency/);
  await expect(train({ specialTokens: ["<|a|>", "<|a|>"] })).rejects.toThrow(/twice/);
  await expect(train({ specialTokens: ["pad"] })).rejects.toThrow(/single word; write it like <\|pad\|>/);
});

test("an empty corpus is an error that counts the texts", async () => {
  await expect(trainBpe(["", ""], options)).rejects.toMatchObject({
    code: "TOKENIZER_NO_TEXT",
    kind: "user",
    message: "There is no text to train a tokenizer on (2 texts, all empty).",
  });
});

test("an abort signal stops training", async () => {
  await expect(
    trainBpe(readCorpus(), { ...options, vocabSize: 800, signal: AbortSignal.abort() }),
  ).rejects.toThrow(/aborted/);
});
