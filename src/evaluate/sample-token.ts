/**
 * Chooses the next token from logits: repetition penalty, temperature, top-k, top-p, then one draw. Pure:
 * the random number is given.
 */
import { userError } from "../errors.ts";
import { selectLeading, type Before } from "./select-leading.ts";

export interface SamplingOptions {
  /** 0 = greedy: the most likely token, the first of equals. */
  readonly temperature: number;
  /** Keep the k most likely tokens; 0 = all. */
  readonly topK: number;
  /** Keep the smallest set of tokens whose probabilities sum to at least p (Holtzman et al. 2020, arXiv:1904.09751); 1 = all. */
  readonly topP: number;
  /** Divides positive and multiplies negative logits of tokens already seen (Keskar et al. 2019, arXiv:1909.05858); 1 = off. */
  readonly repetitionPenalty: number;
}

export const greedy: SamplingOptions = { temperature: 0, topK: 0, topP: 1, repetitionPenalty: 1 };

/** Throws `SAMPLING_INVALID`, naming the option. */
export function checkSamplingOptions(options: SamplingOptions): void {
  const fail = (name: keyof SamplingOptions, rule: string) =>
    userError("SAMPLING_INVALID", `${name} is ${options[name]}`, `${name} must be ${rule}`);
  if (!(options.temperature >= 0 && Number.isFinite(options.temperature)))
    throw fail("temperature", "0 or more");
  if (!(Number.isInteger(options.topK) && options.topK >= 0)) throw fail("topK", "a whole number, 0 or more");
  if (!(options.topP > 0 && options.topP <= 1)) throw fail("topP", "above 0 and at most 1");
  if (!(options.repetitionPenalty > 0)) throw fail("repetitionPenalty", "above 0");
}

/** Tokens that may be chosen, in any order, and a mass for each token of the vocabulary in proportion to its probability. */
export interface Candidates {
  readonly tokens: Int32Array;
  readonly masses: Float64Array;
}

/**
 * @param logits (V), not changed
 * @param seen tokens that the penalty applies to
 * @param uniform a number in [0, 1): it falls on the candidates in order of their likelihood, the first of equals first
 */
export function sampleToken(
  logits: Float32Array,
  seen: Iterable<number>,
  options: SamplingOptions,
  uniform: number,
): number {
  const scores = penalized(logits, seen, options.repetitionPenalty);
  if (options.temperature === 0) return indexOfLargest(scores);
  const { tokens, masses } = chooseCandidates(scores, options);
  const massOf = (token: number) => at(masses, token);
  const target = uniform * sumOf(tokens, massOf);
  const count = selectLeading(tokens, likelier(scores), { massOf, target, strictly: true });
  return tokens[count - 1] ?? 0;
}

/**
 * What temperature, top-k and top-p leave of `scores` (V), in that order, as Hugging Face transformers has them: of tokens as
 * likely as the k-th none is dropped.
 */
export function chooseCandidates(
  scores: Float32Array,
  { temperature, topK, topP }: Pick<SamplingOptions, "temperature" | "topK" | "topP">,
): Candidates {
  const before = likelier(scores);
  const best = at(scores, indexOfLargest(scores));
  const masses = Float64Array.from(scores, (score) => Math.exp((score - best) / temperature));
  const massOf = (token: number) => at(masses, token);
  let tokens = Int32Array.from(scores.keys());
  if (topK > 0 && topK < tokens.length) {
    const count = selectLeading(tokens, before, { massOf: () => 1, target: topK });
    const lowest = at(scores, at(tokens, count - 1));
    tokens = tokens.filter((token) => at(scores, token) >= lowest);
  }
  if (topP < 1) {
    const target = topP * sumOf(tokens, massOf);
    tokens = tokens.slice(0, selectLeading(tokens, before, { massOf, target }));
  }
  return { tokens, masses };
}

const at = (values: ArrayLike<number>, index: number): number => values[index] ?? -Infinity;

const likelier =
  (scores: Float32Array): Before =>
  (a, b) =>
    at(scores, a) > at(scores, b) || (at(scores, a) === at(scores, b) && a < b);

const sumOf = (tokens: Int32Array, massOf: (token: number) => number): number =>
  tokens.reduce((sum, token) => sum + massOf(token), 0);

/** Of each token once, however often it was seen. */
export function penalized(logits: Float32Array, seen: Iterable<number>, penalty: number): Float32Array {
  if (penalty === 1) return logits;
  const scores = logits.slice();
  for (const token of new Set(seen))
    scores[token] = at(logits, token) > 0 ? at(logits, token) / penalty : at(logits, token) * penalty;
  return scores;
}

function indexOfLargest(scores: Float32Array): number {
  let best = 0;
  for (let index = 1; index < scores.length; index++) if (at(scores, index) > at(scores, best)) best = index;
  return best;
}
