/** Weights joined and cut for decoding give what the golden model gives, on every executor and in any number of parts. */
import { dirname } from "node:path";
import { describe, expect, test } from "vitest";
import { createRandom } from "../../src/data/random.ts";
import { generateTokens } from "../../src/evaluate/generate-tokens.ts";
import { createNextTokenModel } from "../../src/evaluate/next-token-model.ts";
import { greedy } from "../../src/evaluate/sample-token.ts";
import { loadLlama } from "../../src/model/llama-files.ts";
import { executors, openExecutor } from "../model/executors.ts";
import { golden, goldenPath, readGolden } from "../model/golden-llama.ts";

/** Of width 48 and 80 projected columns, which five parts do not divide. */
const cases = executors.flatMap((kind) => [1, 2, 5].map((parts) => ({ kind, parts })));

describe.each(cases)("on $kind in $parts parts", ({ kind, parts }) => {
  const open = async (parallelTexts: number) => {
    await using files = await loadLlama(dirname(goldenPath("model.safetensors")));
    return await createNextTokenModel(await openExecutor(kind), files, { parallelTexts, parts });
  };

  test("greedy continuation gives the tokens that transformers gave", async () => {
    await using model = await open(1);
    const { prompt, continuation } = golden.greedy;
    const request = { prompt, random: createRandom(1) };
    const options = { maxNewTokens: continuation.length, sampling: greedy, stopTokens: [] };
    const [decoded] = await generateTokens(model, [request], options);
    expect(decoded?.tokens).toEqual(continuation);
  });

  test("logits through the cache are those of a full forward pass, token by token and several texts at once", async () => {
    await using model = await open(golden.inputs.length);
    const [logits] = await readGolden("forward-backward.safetensors", ["logits"]);
    const { vocabSize } = model.config;
    const time = golden.inputs[0]?.length ?? 0;
    const expected = (text: number, length: number) =>
      Array.from(logits?.data ?? []).slice(
        (text * time + length - 1) * vocabSize,
        (text * time + length) * vocabSize,
      );
    for (const length of [17, 18, 19, time]) {
      const found = await model.nextTokenLogits(golden.inputs.map((text) => text.slice(0, length)));
      for (const [text, row] of found.entries())
        for (const [index, value] of expected(text, length).entries())
          expect(Math.abs(value - (row[index] ?? NaN))).toBeLessThan(1e-4);
    }
  });
});
