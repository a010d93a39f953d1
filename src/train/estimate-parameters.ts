/** How many parameters a model has, by part, and how many multiplications a token takes. */
import type { LlamaConfig } from "../model/llama-config.ts";
import { embeddingName, listParameters } from "../model/llama-parameters.ts";
import { sizeOf } from "../tensor/types.ts";

export interface ParameterCounts {
  /** Tied: it reads tokens and writes logits. */
  readonly embedding: number;
  readonly attention: number;
  readonly feedForward: number;
  readonly norms: number;
  readonly total: number;
}

export function countByPart(model: LlamaConfig): ParameterCounts {
  const counts = { embedding: 0, attention: 0, feedForward: 0, norms: 0 };
  for (const { name, shape } of listParameters(model)) {
    const part =
      name === embeddingName
        ? "embedding"
        : name.includes(".self_attn.")
          ? "attention"
          : name.includes(".mlp.")
            ? "feedForward"
            : "norms";
    counts[part] += sizeOf(shape);
  }
  const { embedding, attention, feedForward, norms } = counts;
  return { ...counts, total: embedding + attention + feedForward + norms };
}

/**
 * What the usual formula for GPT-2-like blocks gives, and why it is wrong here: it counts two matrices in the feed-forward
 * block, where SwiGLU has three (gate, up, down), and gain and bias in each norm, where RMSNorm has a gain only.
 */
export function naiveCount(model: LlamaConfig): number {
  const { hiddenSize, intermediateSize, numLayers } = model;
  const { embedding, attention } = countByPart(model);
  const norm = 2 * hiddenSize;
  return embedding + attention + numLayers * (2 * hiddenSize * intermediateSize + 2 * norm) + norm;
}

/**
 * Floating-point operations of training on one token, forward and backward: 6N + 12·L·C·T, attention over the whole
 * square of T counted (Chowdhery et al. 2022, PaLM, arXiv:2204.02311, appendix B). What is computed again to save memory
 * is no part of it.
 */
export const trainingFlopsPerToken = (model: LlamaConfig, sequenceLength: number): number =>
  6 * countByPart(model).total + 12 * model.numLayers * model.hiddenSize * sequenceLength;
