import { readFileSync } from "node:fs";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { z } from "zod";
import {
  checkSamplingOptions,
  chooseCandidates,
  greedy,
  penalized,
  sampleToken,
} from "../../src/evaluate/sample-token.ts";

const logits = Float32Array.of(0, Math.log(3), Math.log(4), Math.log(2)); // p = .1 .3 .4 .2
const plain = { ...greedy, temperature: 1 };

test("temperature 0 takes the most likely token, the first of equals", () => {
  expect(sampleToken(logits, [], greedy, 0.99)).toBe(2);
  expect(sampleToken(Float32Array.of(1, 5, 5), [], greedy, 0.99)).toBe(1);
});

test("a draw follows the softmax probabilities", () => {
  // In order of likelihood: token 2 up to .4, token 1 up to .7, token 3 up to .9, token 0 up to 1.
  const drawn = [0, 0.39, 0.41, 0.69, 0.71, 0.89, 0.91, 0.999].map((uniform) =>
    sampleToken(logits, [], plain, uniform),
  );
  expect(drawn).toEqual([2, 2, 1, 1, 3, 3, 0, 0]);
});

test("top-k keeps the k most likely, renormalised", () => {
  const drawn = [0, 0.56, 0.58, 0.999].map((uniform) =>
    sampleToken(logits, [], { ...plain, topK: 2 }, uniform),
  );
  expect(drawn).toEqual([2, 2, 1, 1]);
});

test("top-p keeps the smallest set that reaches p", () => {
  const options = { ...plain, topP: 0.65 };
  expect(new Set([0, 0.3, 0.6, 0.999].map((uniform) => sampleToken(logits, [], options, uniform)))).toEqual(
    new Set([2, 1]),
  );
  expect(sampleToken(logits, [], { ...plain, topP: 1e-6 }, 0.999)).toBe(2);
});

test("the repetition penalty lowers seen tokens whatever the sign of their logit", () => {
  expect(sampleToken(Float32Array.of(2, 1.9), [0], { ...greedy, repetitionPenalty: 1.2 }, 0)).toBe(1);
  expect(sampleToken(Float32Array.of(-1, -1.1), [0], { ...greedy, repetitionPenalty: 1.2 }, 0)).toBe(1);
});

test("every draw is a token of the vocabulary, and the logits are left as they were", () => {
  fc.assert(
    fc.property(
      fc.float32Array({ minLength: 1, maxLength: 50, noNaN: true, min: -30, max: 30 }),
      fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }),
      fc.record({
        temperature: fc.double({ min: 0, max: 3, noNaN: true }),
        topK: fc.nat(60),
        topP: fc.double({ min: 0.01, max: 1, noNaN: true }),
        repetitionPenalty: fc.double({ min: 0.5, max: 2, noNaN: true }),
      }),
      (scores, uniform, options) => {
        const before = scores.slice();
        const token = sampleToken(scores, [0], options, uniform);
        expect(Number.isInteger(token) && token >= 0 && token < scores.length).toBe(true);
        expect(scores).toEqual(before);
      },
    ),
  );
});

test("an option out of range is refused by name", () => {
  expect(() => checkSamplingOptions({ ...greedy, topP: 0 })).toThrow("topP is 0");
  expect(() => checkSamplingOptions({ ...greedy, temperature: NaN })).toThrow("temperature is NaN");
});

const Golden = z.object({
  cases: z.array(
    z.object({
      kind: z.string(),
      options: z.object({
        temperature: z.number(),
        topK: z.int(),
        topP: z.number(),
        repetitionPenalty: z.number(),
      }),
      logits: z.array(z.number()),
      seen: z.array(z.int()),
      tokens: z.array(z.int()),
      probabilities: z.array(z.number()),
    }),
  ),
});

describe("as transformers chooses", () => {
  const golden = Golden.parse(JSON.parse(readFileSync("test/golden/sampling.json", "utf8")));
  test.each(golden.cases)("$kind logits, $options", ({ options, logits, seen, tokens, probabilities }) => {
    const chosen = chooseCandidates(
      penalized(Float32Array.from(logits), seen, options.repetitionPenalty),
      options,
    );
    expect([...chosen.tokens].sort((a, b) => a - b)).toEqual(tokens);
    const masses = tokens.map((token) => chosen.masses[token] ?? NaN);
    const total = masses.reduce((sum, mass) => sum + mass, 0);
    for (const [index, mass] of masses.entries())
      expect(Math.abs(mass / total - (probabilities[index] ?? NaN))).toBeLessThan(1e-5);
  });
});
