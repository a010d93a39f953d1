/**
 * A finished model, compiled for use: token losses of whole sequences, and logits of next tokens (decoder.ts).
 */
import type { Engine } from "../engine/engine.ts";
import { PipelineError } from "../errors.ts";
import { tokenLosses } from "../model/language-model-loss.ts";
import type { LlamaConfig } from "../model/llama-config.ts";
import type { LlamaFiles } from "../model/llama-files.ts";
import { defineParameters } from "../model/llama-parameters.ts";
import { readParameters } from "../model/llama.ts";
import { defineProgram, type ProgramFunction, type Variable } from "../tensor/program.ts";
import { float32, int32 } from "../tensor/types.ts";
import { plainWeights } from "../model/key-value-cache.ts";
import { decoderParts, Decoder } from "./decoder.ts";
import type { NextTokenModel } from "./next-token-model.ts";
import { feedSequences, sequenceFeeds } from "../train/sequence-feeds.ts";

/** B sequences of T tokens, row-major; lossMask is 1 where the target counts. */
export interface ScoringBatch {
  readonly inputs: Int32Array;
  readonly targets: Int32Array;
  readonly lossMask: Float32Array;
}

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
  const executable = await engine.compile(
    defineProgram({
      variables: [...variables, ...cache.keys, ...cache.values],
      functions: [scoringFunction(config, variables, batchSize, sequenceLength), ...functions],
    }),
  );
  for (const { name } of variables) await executable.writeVariable(name, await files.read(name));
  const decoder = new Decoder(executable, config, cacheShape);
  const shape = [batchSize, sequenceLength];
  return {
    config,
    batchSize,
    sequenceLength,
    parallelTexts,
    async tokenLosses({ inputs, targets, lossMask }) {
      const feeds = {
        inputs: int32(shape, inputs),
        targets: int32(shape, targets),
        lossMask: float32(shape, lossMask),
      };
      const { losses } = await executable.call("tokenLosses", feeds);
      if (losses?.dtype === "float32") return losses.data;
      throw new PipelineError({ code: "ENGINE_FAILED", message: "scoring gave no float32 losses" });
    },
    nextTokenLogits: (texts) => decoder.nextLogits(texts),
    [Symbol.asyncDispose]: () => executable[Symbol.asyncDispose](),
  };
}

function scoringFunction(
  config: LlamaConfig,
  variables: readonly Variable[],
  batchSize: number,
  sequenceLength: number,
): ProgramFunction {
  const batch = feedSequences(batchSize, sequenceLength); // (B, T)
  const losses = tokenLosses(config, readParameters(variables), batch); // (B, T)
  return { name: "tokenLosses", feeds: sequenceFeeds(batch), fetches: { losses }, effects: [] };
}
