/** Next-token losses of a Llama model: per token, and as sequence log-probabilities. */
import type { Tensor } from "../tensor/graph.ts";
import { mul, neg, reshape, sparseCrossEntropy, sum } from "../tensor/ops.ts";
import type { LlamaConfig } from "./llama-config.ts";
import { llamaLogits, type Parameters } from "./llama.ts";

/** B sequences: `targets` are `inputs` shifted by one; lossMask is 1 where the target is supervised, else 0. */
export interface SequenceBatch {
  /** int32 (B, T) */
  readonly inputs: Tensor;
  /** int32 (B, T); any valid id where lossMask is 0. */
  readonly targets: Tensor;
  /** float32 (B, T) */
  readonly lossMask: Tensor;
}

/** −log p(target) in nats, 0 where the token is not supervised: (B, T). */
export function tokenLosses(config: LlamaConfig, parameters: Parameters, batch: SequenceBatch): Tensor {
  const [sequences = 0, time = 0] = batch.inputs.shape;
  const logits = llamaLogits(config, parameters, batch.inputs); // (N, V)
  const losses = sparseCrossEntropy(logits, reshape(batch.targets, [sequences * time])); // (N)
  return mul(reshape(losses, [sequences, time]), batch.lossMask); // (B, T)
}

/** Σ log p(target) over each sequence's supervised tokens: (B). */
export const sequenceLogProbabilities = (
  config: LlamaConfig,
  parameters: Parameters,
  batch: SequenceBatch,
): Tensor => neg(sum(tokenLosses(config, parameters, batch), { axes: [1] }));
