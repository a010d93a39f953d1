/** The loss of each token of whole sequences, as a function of a program: what scoring calls. */
import type { Feeds, Fetches } from "../engine/engine.ts";
import { PipelineError } from "../errors.ts";
import { tokenLosses } from "../model/language-model-loss.ts";
import type { LlamaConfig } from "../model/llama-config.ts";
import { readParameters } from "../model/llama.ts";
import type { ProgramFunction, Variable } from "../tensor/program.ts";
import { float32, int32 } from "../tensor/types.ts";
import { feedSequences, sequenceFeeds } from "../train/sequence-feeds.ts";

/** B sequences of T tokens, row-major; lossMask is 1 where the target counts. */
export interface ScoringBatch {
  readonly inputs: Int32Array;
  readonly targets: Int32Array;
  readonly lossMask: Float32Array;
}

export interface ScoringShape {
  readonly batchSize: number;
  readonly sequenceLength: number;
}

const name = "tokenLosses";

export interface TokenLossesFunction {
  readonly definition: ProgramFunction;
  readonly feeds: (batch: ScoringBatch) => Feeds;
  /** −log p(target) in nats, 0 where masked: (B, T), row-major. */
  readonly losses: (fetches: Fetches | undefined) => Float32Array;
}

/** `variables`: the parameters of the model. */
export function tokenLossesFunction(
  config: LlamaConfig,
  variables: readonly Variable[],
  { batchSize, sequenceLength }: ScoringShape,
): TokenLossesFunction {
  const batch = feedSequences(batchSize, sequenceLength); // (B, T)
  const losses = tokenLosses(config, readParameters(variables), batch); // (B, T)
  const shape = [batchSize, sequenceLength];
  return {
    definition: { name, feeds: sequenceFeeds(batch), fetches: { losses }, effects: [] },
    feeds: ({ inputs, targets, lossMask }) => ({
      inputs: int32(shape, inputs),
      targets: int32(shape, targets),
      lossMask: float32(shape, lossMask),
    }),
    losses: (fetches) => {
      if (fetches?.["losses"]?.dtype === "float32") return fetches["losses"].data;
      throw new PipelineError({ code: "ENGINE_FAILED", message: "scoring gave no float32 losses" });
    },
  };
}
