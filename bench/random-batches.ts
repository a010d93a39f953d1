/** Batches of random tokens that steps of benchmarks learn from; the same in every process. */
import { createRandom } from "../src/data/random.ts";
import type { LlamaConfig } from "../src/model/llama-config.ts";
import { float32, int32 } from "../src/tensor/types.ts";

/** Each call answers the next batch: int32 (B, T) inputs and targets, and a lossMask (B, T) of ones. */
export function randomBatches({ vocabSize, contextLength }: LlamaConfig, microBatchSize: number) {
  const random = createRandom(0);
  const shape = [microBatchSize, contextLength];
  const size = microBatchSize * contextLength;
  const tokens = () =>
    int32(
      shape,
      Int32Array.from({ length: size }, () => random.nextInt(vocabSize)),
    );
  const lossMask = float32(shape, new Float32Array(size).fill(1));
  return () => ({ inputs: tokens(), targets: tokens(), lossMask });
}
