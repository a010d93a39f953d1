/** What a training benchmark's process is asked to train, as its first eight arguments have it. */
import { defineLlama, type LlamaConfig } from "../src/model/llama-config.ts";

export interface JobSizes {
  readonly model: LlamaConfig;
  readonly microBatchSize: number;
  /** The arguments behind the sizes. */
  readonly more: readonly number[];
}

/** `numbers`: hidden layers vocab context batch heads kv intermediate, and what the process takes besides. */
export function jobSizes(numbers: readonly number[]): JobSizes {
  const [hiddenSize = 0, numLayers = 0, vocabSize = 0, contextLength = 0, microBatchSize = 0] = numbers;
  const [numHeads = 0, numKvHeads = 0, intermediateSize = 0, ...more] = numbers.slice(5);
  const model = defineLlama({
    hiddenSize,
    numLayers,
    vocabSize,
    contextLength,
    numHeads,
    numKvHeads,
    intermediateSize,
  });
  return { model, microBatchSize, more };
}
