/**
 * Chooses the next token from logits: repetition penalty, temperature, top-k, top-p, then one draw. Pure:
 * the random number is given.
 */
import { userError } from "../errors.ts";

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

/**
 * @param logits (V), not changed
 * @param seen tokens that the penalty applies to
 * @param uniform a number in [0, 1)
 */
export function sampleToken(
  logits: Float32Array,
  seen: Iterable<number>,
  options: SamplingOptions,
  uniform: number,
): number {
  const scores = penalized(logits, seen, options.repetitionPenalty);
  if (options.temperature === 0) return indexOfLargest(scores);
  const candidates = Array.from(scores.keys()).sort((a, b) => at(scores, b) - at(scores, a) || a - b);
  if (options.topK > 0) candidates.length = Math.min(options.topK, candidates.length);
  const best = at(scores, candidates[0] ?? 0);
  const weights = candidates.map((token) => Math.exp((at(scores, token) - best) / options.temperature));
  let total = weights.reduce((sum, weight) => sum + weight, 0);
  if (options.topP < 1) {
    const kept = countUntil(weights, options.topP * total);
    weights.length = kept;
    total = weights.reduce((sum, weight) => sum + weight, 0);
  }
  const drawn = countUntil(weights, uniform * total, { strictly: true }) - 1;
  return candidates[drawn] ?? 0;
}

const at = (scores: Float32Array, index: number): number => scores[index] ?? -Infinity;

function penalized(logits: Float32Array, seen: Iterable<number>, penalty: number): Float32Array {
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

/** How many leading weights it takes until their sum reaches (or, strictly, passes) `target`. */
function countUntil(weights: readonly number[], target: number, { strictly = false } = {}): number {
  let sum = 0;
  for (const [index, weight] of weights.entries()) {
    sum += weight;
    if (strictly ? sum > target : sum >= target) return index + 1;
  }
  return weights.length;
}
