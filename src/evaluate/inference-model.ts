/**
 * A finished model, compiled for use: token losses of whole sequences, and logits of next tokens (decoder.ts).
 */
import type { Engine } from "../engine/engine.ts";
import type { LlamaFiles } from "../model/llama-files.ts";
import { defineParameters } from "../model/llama-parameters.ts";
import { readParameters } from "../model/llama.ts";
import { defineProgram } from "../tensor/program.ts";
import { plainWeights } from "../model/key-value-cache.ts";
import { decoderParts, Decoder } from "./decoder.ts";
import type { NextTokenModel } from "./next-token-model.ts";
import { tokenLossesFunction, type ScoringBatch } from "./token-losses.ts";

export interface InferenceModel extends NextTokenModel {
  readonly batchSize: number;
  readonly sequenceLength: number;
  /** −log p(target) in nats, 0 where masked: (B, T), row-major. */
  tokenLosses(batch: ScoringBatch): Promise<Float32Array>;
}

export interface InferenceOptions {
  /** Shape of `tokenLosses` calls. */
  readonly batchSize: number;
  readonly sequenceLength: number;
  /** Texts that are continued at once; default 1. */
  readonly parallelTexts?: number;
}

/** Compiles the program and loads the weights, one tensor at a time. */
export async function createInferenceModel(
  engine: Engine,
  files: LlamaFiles,
  { batchSize, sequenceLength, parallelTexts = 1 }: InferenceOptions,
): Promise<InferenceModel> {
  const { config } = files;
  const variables = defineParameters(config);
  const cacheShape = { batchSize: parallelTexts, capacity: config.contextLength };
  const { cache, functions } = decoderParts(
    config,
    () => plainWeights(readParameters(variables)),
    cacheShape,
  );
  const scoring = tokenLossesFunction(config, variables, { batchSize, sequenceLength });
  const executable = await engine.compile(
    defineProgram({
      variables: [...variables, ...cache.keys, ...cache.values],
      functions: [scoring.definition, ...functions],
    }),
  );
  for (const { name } of variables) await executable.writeVariable(name, await files.read(name));
  const decoder = new Decoder(executable, config, cacheShape);
  return {
    config,
    batchSize,
    sequenceLength,
    parallelTexts,
    tokenLosses: async (batch) =>
      scoring.losses(await executable.call(scoring.definition.name, scoring.feeds(batch))),
    nextTokenLogits: (texts) => decoder.nextLogits(texts),
    [Symbol.asyncDispose]: () => executable[Symbol.asyncDispose](),
  };
}
