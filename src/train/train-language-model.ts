/** Pretraining and supervised fine-tuning: the loop over token batches. They differ in data and masks only. */
import type { Batch, BatchSource } from "../data/batch.ts";
import { float32, int32, type HostTensor } from "../tensor/types.ts";
import { pretrainingProgram, type PretrainingProgramOptions } from "./pretraining-program.ts";
import { runTraining, type TrainedModel } from "./run-training.ts";
import type { TrainLoopOptions } from "./training-options.ts";

export interface TrainLanguageModelOptions extends TrainLoopOptions {
  readonly program: PretrainingProgramOptions;
  /** Batches of microBatchSize sequences of sequenceLength tokens. */
  readonly source: BatchSource;
}

/** See `runTraining` for what it throws. The caller disposes of the result. */
export const trainLanguageModel = ({
  program,
  source,
  ...options
}: TrainLanguageModelOptions): Promise<TrainedModel> =>
  runTraining("languageModel", pretrainingProgram(program), options, () =>
    Promise.resolve({
      async next() {
        const batch = await source.next();
        return { feeds: sequenceValues(batch), tokens: batch.inputs.length, origins: batch.origins };
      },
      cursor: () => source.cursor(),
      seek: (cursor) => {
        source.seek(cursor);
      },
    }),
  );

/** A batch as feeds `inputs`, `targets` (B, T) and `lossMask` (B, T), and `documents` (B, T) where it tells them apart. */
export function sequenceValues({
  batchSize,
  sequenceLength,
  inputs,
  targets,
  lossMask,
  documents,
}: Batch): Record<"inputs" | "targets" | "lossMask", HostTensor> & { readonly documents?: HostTensor } {
  const shape = [batchSize, sequenceLength];
  return {
    inputs: int32(shape, inputs),
    targets: int32(shape, targets),
    lossMask: float32(shape, lossMask),
    ...(documents === undefined ? {} : { documents: int32(shape, documents) }),
  };
}
