/** Autoregressive decoding: one sampled token after another until a stop token, a limit or an abort. */
import type { Random } from "../data/random.ts";
import type { InferenceModel } from "./inference-model.ts";
import { checkSamplingOptions, sampleToken, type SamplingOptions } from "./sample-token.ts";

export interface DecodingOptions {
  readonly maxNewTokens: number;
  readonly sampling: SamplingOptions;
  /** Tokens that end the text; they are not part of the result. */
  readonly stopTokens: readonly number[];
  /** Tokens that are never chosen, e.g. special ones that only a template writes. */
  readonly bannedTokens?: readonly number[];
  /** One uniform number is drawn for each token. */
  readonly random: Random;
  readonly signal?: AbortSignal;
}

export interface Decoded {
  readonly tokens: readonly number[];
  readonly end: "stop-token" | "length" | "aborted";
}

/** `onToken` hears each token as it is chosen. Throws `SAMPLING_INVALID`, `PROMPT_EMPTY`. */
export async function generateTokens(
  model: InferenceModel,
  prompt: ArrayLike<number>,
  { maxNewTokens, sampling, stopTokens, bannedTokens = [], random, signal }: DecodingOptions,
  onToken: (token: number) => void = () => undefined,
): Promise<Decoded> {
  checkSamplingOptions(sampling);
  const context = Array.from(prompt);
  const tokens: number[] = [];
  while (tokens.length < maxNewTokens) {
    if (signal?.aborted === true) return { tokens, end: "aborted" };
    const logits = (await model.nextTokenLogits(context)).slice();
    for (const token of bannedTokens) logits[token] = -Infinity;
    const token = sampleToken(logits, context, sampling, random.uniform());
    if (stopTokens.includes(token)) return { tokens, end: "stop-token" };
    tokens.push(token);
    context.push(token);
    onToken(token);
    // The engine computes synchronously: let signals in.
    await new Promise((resolve) => setImmediate(resolve));
  }
  return { tokens, end: "length" };
}
