/** Next-token losses of a Llama model: per token, and as sequence log-probabilities. */
import type { Tensor } from "../tensor/graph.ts";
import { after, concat, mul, neg, reshape, slice, sparseCrossEntropy, sum } from "../tensor/ops.ts";
import { recomputed } from "../tensor/recompute.ts";
import type { LlamaConfig } from "./llama-config.ts";
import { llamaHidden, outputLogits, type ForwardOptions, type Parameters } from "./llama.ts";

/** B sequences: `targets` are `inputs` shifted by one; lossMask is 1 where the target is supervised, else 0. */
export interface SequenceBatch {
  /** int32 (B, T) */
  readonly inputs: Tensor;
  /** int32 (B, T); any valid id where lossMask is 0. */
  readonly targets: Tensor;
  /** float32 (B, T) */
  readonly lossMask: Tensor;
  /** int32 (B, T): attention stays within tokens of the same number. Default: sequences are not divided. */
  readonly documents?: Tensor | undefined;
}

export interface LossOptions extends Pick<ForwardOptions, "recompute" | "precision"> {
  /** Largest piece of the logits that exists at a time. */
  readonly maxLogitBytes?: number | undefined;
}

/** −log p(target) in nats, 0 where the token is not supervised: (B, T). */
export function tokenLosses(
  config: LlamaConfig,
  parameters: Parameters,
  batch: SequenceBatch,
  { recompute, precision, maxLogitBytes = 128 * 2 ** 20 }: LossOptions = {},
): Tensor {
  const [sequences = 0, time = 0] = batch.inputs.shape;
  const hidden = llamaHidden(config, parameters, batch.inputs, {
    recompute,
    precision,
    documents: batch.documents,
  }); // (N, C)
  const targets = reshape(batch.targets, [sequences * time]); // (N)
  const rows = Math.max(1, Math.floor(maxLogitBytes / (4 * config.vocabSize)));
  const losses = crossEntropyInChunks(parameters, hidden, targets, rows); // (N)
  return mul(reshape(losses, [sequences, time]), batch.lossMask); // (B, T)
}

/**
 * Cross-entropy of R rows at a time: logits over the whole vocabulary never exist for the whole batch. Each chunk waits
 * for the one before it, and its logits are computed again for the gradient.
 */
function crossEntropyInChunks(parameters: Parameters, hidden: Tensor, targets: Tensor, rows: number): Tensor {
  const [total = 0, width = 0] = hidden.shape;
  const lossOf = (states: Tensor, labels: Tensor): Tensor =>
    sparseCrossEntropy(outputLogits(parameters, states), labels);
  if (rows >= total) return lossOf(hidden, targets);
  const losses: Tensor[] = [];
  for (let start = 0; start < total; start += rows) {
    const size = Math.min(rows, total - start);
    const states = after(slice(hidden, [start, 0], [size, width]), losses.slice(-1)); // (R, C)
    const labels = slice(targets, [start], [size]);
    losses.push(recomputed([states], ([again = states]) => lossOf(again, labels)));
  }
  return concat(losses, 0);
}

/** Σ log p(target) over each sequence's supervised tokens: (B). */
export const sequenceLogProbabilities = (
  config: LlamaConfig,
  parameters: Parameters,
  batch: SequenceBatch,
  options?: LossOptions,
): Tensor => neg(sum(tokenLosses(config, parameters, batch, options), { axes: [1] }));
