import { dirname } from "node:path";
import { describe, expect, test } from "vitest";
import { createRandom } from "../../src/data/random.ts";
import { generateTokens } from "../../src/evaluate/generate-tokens.ts";
import { createInferenceModel, type InferenceModel } from "../../src/evaluate/inference-model.ts";
import { greedy } from "../../src/evaluate/sample-token.ts";
import { loadLlama } from "../../src/model/llama-files.ts";
import { everyExecutor, openExecutor } from "../model/executors.ts";
import { golden, goldenPath, readGolden } from "../model/golden-llama.ts";

describe.each(everyExecutor)("on %s", (kind) => {
  const open = async (parallelTexts = 1) => {
    await using files = await loadLlama(dirname(goldenPath("model.safetensors")));
    return await createInferenceModel(await openExecutor(kind), files, {
      batchSize: 3,
      sequenceLength: 24,
      parallelTexts,
    });
  };

  const logitsAfter = async (model: InferenceModel, ...texts: readonly (readonly number[])[]) =>
    (await model.nextTokenLogits(texts)).map((logits) => [...logits]);
  const worst = (found: readonly number[] = [], expected: readonly number[] = []) =>
    Math.max(...expected.map((value, index) => Math.abs(value - (found[index] ?? NaN))));

  test("greedy continuation gives the tokens that transformers gave", async () => {
    await using model = await open();
    const { prompt, continuation } = golden.greedy;
    const request = { prompt, random: createRandom(1) };
    const options = { maxNewTokens: continuation.length, sampling: greedy, stopTokens: [] };
    const [decoded] = await generateTokens(model, [request], options);
    expect(decoded?.tokens).toEqual(continuation);
  });

  test("token losses sum to the loss of transformers, and masked tokens count nothing", async () => {
    await using model = await open();
    const losses = await model.tokenLosses({
      inputs: Int32Array.from(golden.inputs.flat()),
      targets: Int32Array.from(golden.targets.flat(), (target) => Math.max(target, 0)),
      lossMask: Float32Array.from(golden.targets.flat(), (target) =>
        target === golden.ignore_index ? 0 : 1,
      ),
    });
    const supervised = golden.targets.flat().filter((target) => target !== golden.ignore_index).length;
    expect(Math.abs(losses.reduce((sum, loss) => sum + loss, 0) / supervised - golden.loss)).toBeLessThan(
      1e-4,
    );
  });

  test("next-token logits are those of a full forward pass, however the text is cut into calls", async () => {
    await using model = await open();
    const [logits] = await readGolden("forward-backward.safetensors", ["logits"]);
    const data = Array.from(logits?.data ?? []);
    const row = golden.inputs[0] ?? [];
    const { vocabSize } = model.config;
    const expected = (length: number) => data.slice((length - 1) * vocabSize, length * vocabSize);
    // 24 tokens: at once, one by one from the eighth, and again from the third after another ending.
    expect(worst((await logitsAfter(model, row))[0], expected(row.length))).toBeLessThan(1e-4);
    await logitsAfter(model, row.slice(0, 7));
    for (let length = 8; length <= row.length; length++)
      expect(worst((await logitsAfter(model, row.slice(0, length)))[0], expected(length))).toBeLessThan(1e-4);
    await logitsAfter(model, [...row.slice(0, 3), 1, 2, 3, 4]);
    expect(worst((await logitsAfter(model, row.slice(0, 20)))[0], expected(20))).toBeLessThan(1e-4);
  });

  test("texts of different lengths that are continued together get the logits that each gets alone", async () => {
    await using alone = await open();
    await using together = await open(3);
    const row = golden.inputs[1] ?? [];
    const texts = [row.slice(0, 5), row.slice(2, 22), row.slice(1, 2)];
    for (let round = 0; round < 3; round++) {
      const found = await logitsAfter(together, ...texts);
      for (const [index, text] of texts.entries())
        expect(worst(found[index], (await logitsAfter(alone, text))[0])).toBeLessThan(1e-4);
      for (const [index, text] of texts.entries()) if (index !== 1) text.push(round + index);
    }
    await expect(alone.nextTokenLogits(texts)).rejects.toThrow("3 texts for 1 rows");
  });

  test("of a text longer than the context the beginning is dropped, half a context at a time", async () => {
    await using model = await open();
    const long = Array.from({ length: 100 }, (_, index) => index % 300);
    const [found] = await logitsAfter(model, long);
    expect(worst(found, (await logitsAfter(model, long.slice(-36)))[0])).toBeLessThan(1e-5);
    expect(worst(found, (await logitsAfter(model, long.slice(-35)))[0])).toBeGreaterThan(1e-4);
    await expect(model.nextTokenLogits([[]])).rejects.toThrow("there is no token to continue from");
  });
});
