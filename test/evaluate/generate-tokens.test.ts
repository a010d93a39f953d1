/** What decoding does with logits that no model should give. */
import { expect, test } from "vitest";
import { createRandom } from "../../src/data/random.ts";
import { generateTokens } from "../../src/evaluate/generate-tokens.ts";
import { greedy } from "../../src/evaluate/sample-token.ts";

/** Gives even logits, and `value` for token 2 of each text that has four tokens. */
const model = (value: number) => ({
  parallelTexts: 2,
  nextTokenLogits: (texts: readonly (readonly number[])[]) =>
    Promise.resolve(texts.map(({ length }) => Float32Array.of(1, 1, length === 4 ? value : 1, 1))),
});

test.each([NaN, Infinity, -Infinity])("a logit of %s ends decoding with its place", async (value) => {
  const requests = [[3], [3, 3]].map((prompt) => ({ prompt, random: createRandom(1) }));
  const options = { maxNewTokens: 8, sampling: greedy, stopTokens: [] };
  await expect(generateTokens(model(value), requests, options)).rejects.toMatchObject({
    code: "LOGITS_NOT_FINITE",
    message: `the model cannot go on after 2 tokens of its own and 2 given ones: the logit of token 2 is ${value}`,
  });
});

test("banned tokens are never chosen, however large their logits are", async () => {
  const requests = [{ prompt: [3], random: createRandom(1) }];
  const options = { maxNewTokens: 1, sampling: greedy, stopTokens: [], bannedTokens: [0, 1] };
  const [decoded] = await generateTokens(model(1), requests, options);
  expect(decoded?.tokens).toEqual([2]);
});
