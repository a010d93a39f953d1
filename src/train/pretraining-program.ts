/** The program of pretraining and supervised fine-tuning: mean cross-entropy of the supervised tokens. */
import { tokenLosses } from "../model/language-model-loss.ts";
import { sum } from "../tensor/ops.ts";
import { feedSequences, sequenceFeeds } from "./sequence-feeds.ts";
import {
  defineTrainingProgram,
  type TrainingProgram,
  type TrainingProgramOptions,
} from "./training-program.ts";

export interface PretrainingProgramOptions extends TrainingProgramOptions {
  /** Whether attention stays within documents, which batches then tell apart; default: it does not. */
  readonly intraDocumentMask?: boolean;
}

/**
 * Functions: `trainStep`, or `accumulate` and `applyGradients` (see training-functions.ts), on feeds inputs, targets
 * int32 (B, T) and lossMask (B, T), with intraDocumentMask also documents int32 (B, T).
 */
export function pretrainingProgram(options: PretrainingProgramOptions): TrainingProgram {
  const { model, microBatchSize, sequenceLength, recompute, precision, intraDocumentMask = false } = options;
  return defineTrainingProgram(options, (parameters) => {
    const batch = feedSequences(microBatchSize, sequenceLength, { documents: intraDocumentMask });
    return {
      feeds: sequenceFeeds(batch),
      lossSum: sum(tokenLosses(model, parameters, batch, { recompute, precision })),
      weight: sum(batch.lossMask),
      metricSums: {},
    };
  });
}
