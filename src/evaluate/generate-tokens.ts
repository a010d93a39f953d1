/** Autoregressive decoding: one sampled token after another until a stop token, a limit or an abort. */
import type { Random } from "../data/random.ts";
import { PipelineError } from "../errors.ts";
import type { InferenceModel } from "./inference-model.ts";
import { checkSamplingOptions, sampleToken, type SamplingOptions } from "./sample-token.ts";

export interface DecodingOptions {
  readonly maxNewTokens: number;
  readonly sampling: SamplingOptions;
  /** Tokens that end the text; they are not part of the result. */
  readonly stopTokens: readonly number[];
  /** Tokens that are never chosen, e.g. special ones that only a template writes. */
  readonly bannedTokens?: readonly number[];
  readonly signal?: AbortSignal;
}

export interface DecodingRequest {
  readonly prompt: ArrayLike<number>;
  /** One uniform number is drawn for each token: what else is decoded beside it changes nothing. */
  readonly random: Random;
  /** Hears each token as it is chosen. */
  readonly onToken?: (token: number) => void;
}

export interface Decoded {
  readonly tokens: readonly number[];
  readonly end: "stop-token" | "length" | "aborted";
}

/** Decodes as many texts at once as the model takes. Throws `SAMPLING_INVALID`, `PROMPT_EMPTY`, `LOGITS_NOT_FINITE`. */
export async function generateTokens(
  model: Pick<InferenceModel, "nextTokenLogits" | "parallelTexts">,
  requests: readonly DecodingRequest[],
  options: DecodingOptions,
): Promise<Decoded[]> {
  checkSamplingOptions(options.sampling);
  const decoded: Decoded[] = [];
  for (let start = 0; start < requests.length; start += model.parallelTexts)
    decoded.push(
      ...(await decodeTogether(model, requests.slice(start, start + model.parallelTexts), options)),
    );
  return decoded;
}

interface Text extends DecodingRequest {
  /** Prompt and what was added. */
  readonly context: number[];
  readonly tokens: number[];
  end?: Decoded["end"];
}

async function decodeTogether(
  model: Pick<InferenceModel, "nextTokenLogits">,
  requests: readonly DecodingRequest[],
  options: DecodingOptions,
): Promise<Decoded[]> {
  const texts = requests.map((request): Text => ({
    ...request,
    context: Array.from(request.prompt),
    tokens: [],
  }));
  for (let count = 0; count < options.maxNewTokens && texts.some(({ end }) => end === undefined); count++) {
    if (options.signal?.aborted === true) {
      for (const text of texts) text.end ??= "aborted";
      break;
    }
    // A text that has ended keeps its row: it is in the cache and costs one token.
    const logits = await model.nextTokenLogits(texts.map(({ context }) => context));
    for (const [row, text] of texts.entries())
      if (text.end === undefined) takeToken(text, logits[row] ?? new Float32Array(), options);
    // The engine computes synchronously: let signals in.
    await new Promise((resolve) => setImmediate(resolve));
  }
  return texts.map(({ tokens, end = "length" }) => ({ tokens, end }));
}

function takeToken(
  text: Text,
  logits: Float32Array,
  { sampling, stopTokens, bannedTokens = [] }: DecodingOptions,
): void {
  checkFinite(logits, text);
  for (const token of bannedTokens) logits[token] = -Infinity;
  const token = sampleToken(logits, text.context, sampling, text.random.uniform());
  if (stopTokens.includes(token)) {
    text.end = "stop-token";
    return;
  }
  text.tokens.push(token);
  text.context.push(token);
  text.onToken?.(token);
}

/** A draw among such logits would look like text: NaN is never larger than the largest, ∞ always is. */
function checkFinite(logits: Float32Array, { tokens, context }: Text): void {
  let token = 0;
  while (token < logits.length && Number.isFinite(logits[token])) token++;
  if (token === logits.length) return;
  throw new PipelineError({
    code: "LOGITS_NOT_FINITE",
    message:
      `the model cannot go on after ${tokens.length} tokens of its own and ${context.length - tokens.length} given ones: ` +
      `the logit of token ${token} is ${logits[token]}`,
    hint: "Its weights are damaged or its training diverged: npx pipeline check --deep, npx pipeline metrics",
  });
}
