/** Functions that use a Llama model without changing it: scoring, logits, and the next token's logits. */
import type { LlamaConfig } from "../model/llama-config.ts";
import { tokenLosses, type SequenceBatch } from "../model/language-model-loss.ts";
import { defineParameters } from "../model/llama-parameters.ts";
import { llamaHidden, llamaLogits, outputLogits, readParameters, type Parameters } from "../model/llama.ts";
import { gather, reshape, sum } from "../tensor/ops.ts";
import { defineProgram, feed, type Program, type ProgramFunction } from "../tensor/program.ts";

/** Feeds inputs and targets int32 (B, T) and lossMask float32 (B, T). */
export const feedSequences = (batchSize: number, sequenceLength: number, prefix = ""): SequenceBatch => {
  const name = (word: string) =>
    prefix === "" ? word : `${prefix}${word.charAt(0).toUpperCase()}${word.slice(1)}`;
  const shape = [batchSize, sequenceLength];
  return {
    inputs: feed(name("inputs"), shape, "int32"),
    targets: feed(name("targets"), shape, "int32"),
    lossMask: feed(name("lossMask"), shape),
  };
};

export const sequenceFeeds = ({ inputs, targets, lossMask }: SequenceBatch) => [inputs, targets, lossMask];

/** `evaluate`: lossSum (B) in nats and tokenCount (B) of each row's supervised tokens. */
export function evaluateFunction(
  config: LlamaConfig,
  parameters: Parameters,
  batchSize: number,
  sequenceLength: number,
): ProgramFunction {
  const batch = feedSequences(batchSize, sequenceLength);
  return {
    name: "evaluate",
    feeds: sequenceFeeds(batch),
    fetches: {
      lossSum: sum(tokenLosses(config, parameters, batch), { axes: [1] }),
      tokenCount: sum(batch.lossMask, { axes: [1] }),
    },
    effects: [],
  };
}

/** `logits`: tokens int32 (B, T) → logits (B, T, V). */
export function logitsFunction(
  config: LlamaConfig,
  parameters: Parameters,
  batchSize: number,
  sequenceLength: number,
): ProgramFunction {
  const tokens = feed("tokens", [batchSize, sequenceLength], "int32");
  const logits = llamaLogits(config, parameters, tokens); // (N, V)
  return {
    name: "logits",
    feeds: [tokens],
    fetches: { logits: reshape(logits, [batchSize, sequenceLength, config.vocabSize]) },
    effects: [],
  };
}

/**
 * `nextTokenLogits`: tokens int32 (1, T) and position int32 scalar → logits (V) of the token after `position`. What
 * stands behind it does not matter (attention is causal): fill with any valid id.
 */
export function nextTokenLogitsFunction(
  config: LlamaConfig,
  parameters: Parameters,
  sequenceLength: number,
): ProgramFunction {
  const tokens = feed("tokens", [1, sequenceLength], "int32");
  const position = feed("position", [], "int32");
  const last = gather(llamaHidden(config, parameters, tokens), position); // (C)
  const logits = outputLogits(parameters, reshape(last, [1, config.hiddenSize])); // (1, V)
  return {
    name: "nextTokenLogits",
    feeds: [tokens, position],
    fetches: { logits: reshape(logits, [config.vocabSize]) },
    effects: [],
  };
}

export interface InferenceOptions {
  readonly model: LlamaConfig;
  readonly batchSize: number;
  readonly sequenceLength: number;
}

/** A model to score and generate with: `evaluate`, `logits`, `nextTokenLogits`. Its variables are the parameters. */
export function inferenceProgram({ model, batchSize, sequenceLength }: InferenceOptions): Program {
  const variables = defineParameters(model);
  const parameters = readParameters(variables);
  return defineProgram({
    variables,
    functions: [
      evaluateFunction(model, parameters, batchSize, sequenceLength),
      logitsFunction(model, parameters, batchSize, sequenceLength),
      nextTokenLogitsFunction(model, parameters, sequenceLength),
    ],
  });
}
