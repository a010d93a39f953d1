/**
 * Direct preference optimisation (Rafailov et al. 2023, arXiv:2305.18290, eq. 7): the reference model is only its
 * log-probabilities, computed once by `sequenceLogProbabilities` before training and fed with every batch.
 */
import {
  sequenceLogProbabilities,
  type LossOptions,
  type SequenceBatch,
} from "../model/language-model-loss.ts";
import type { LlamaConfig } from "../model/llama-config.ts";
import type { Parameters } from "../model/llama.ts";
import type { Tensor } from "../tensor/graph.ts";
import { cast, concat, less, mul, neg, scalarConstant, slice, softplus, sub, sum } from "../tensor/ops.ts";
import { feed, type ProgramFunction } from "../tensor/program.ts";
import { feedSequences, sequenceFeeds } from "./sequence-feeds.ts";
import {
  defineTrainingProgram,
  type TrainingProgram,
  type TrainingProgramOptions,
} from "./training-program.ts";

export interface DpoProgramOptions extends TrainingProgramOptions {
  /** β: how dear it is to leave the reference. */
  readonly beta: number;
}

export interface DpoLoss {
  /** −log σ(rewardsChosen − rewardsRejected), (B). */
  readonly losses: Tensor;
  /** β·(log π(chosen) − log π_ref(chosen)), (B). */
  readonly rewardsChosen: Tensor;
  readonly rewardsRejected: Tensor;
}

/** The loss of B pairs from their log-probabilities under policy and reference, each (B). */
export function dpoLoss(
  policy: { readonly chosen: Tensor; readonly rejected: Tensor },
  reference: { readonly chosen: Tensor; readonly rejected: Tensor },
  beta: number,
): DpoLoss {
  const rewardsChosen = mul(sub(policy.chosen, reference.chosen), beta);
  const rewardsRejected = mul(sub(policy.rejected, reference.rejected), beta);
  // −log σ(x) = softplus(−x)
  return { losses: softplus(neg(sub(rewardsChosen, rewardsRejected))), rewardsChosen, rewardsRejected };
}

/** Log-probabilities of both sides by one forward pass over 2B sequences. */
export function pairLogProbabilities(
  model: LlamaConfig,
  parameters: Parameters,
  chosen: SequenceBatch,
  rejected: SequenceBatch,
  options?: LossOptions,
): { readonly chosen: Tensor; readonly rejected: Tensor } {
  const pairs = chosen.inputs.shape[0] ?? 0;
  const batch = {
    inputs: concat([chosen.inputs, rejected.inputs], 0), // (2B, T)
    targets: concat([chosen.targets, rejected.targets], 0),
    lossMask: concat([chosen.lossMask, rejected.lossMask], 0),
  };
  const both = sequenceLogProbabilities(model, parameters, batch, options);
  return { chosen: slice(both, [0], [pairs]), rejected: slice(both, [pairs], [pairs]) };
}

/**
 * Functions: `trainStep`, or `accumulate` and `applyGradients`, on feeds chosenInputs, chosenTargets, chosenLossMask,
 * the same for rejected, and referenceChosen, referenceRejected (B); they fetch loss, gradientNorm, rewardsChosen,
 * rewardsRejected, rewardMargin and rewardAccuracy, means over pairs. `sequenceLogProbabilities`: logProbabilities (B)
 * of feeds inputs, targets, lossMask.
 */
export function dpoProgram(options: DpoProgramOptions): TrainingProgram {
  const { model, microBatchSize, sequenceLength, beta, recompute, precision } = options;
  return defineTrainingProgram(
    options,
    (parameters) => {
      const chosen = feedSequences(microBatchSize, sequenceLength, { prefix: "chosen" });
      const rejected = feedSequences(microBatchSize, sequenceLength, { prefix: "rejected" });
      const reference = {
        chosen: feed("referenceChosen", [microBatchSize]),
        rejected: feed("referenceRejected", [microBatchSize]),
      };
      const policy = pairLogProbabilities(model, parameters, chosen, rejected, {
        recompute,
        precision,
      });
      const { losses, rewardsChosen, rewardsRejected } = dpoLoss(policy, reference, beta);
      return {
        feeds: [...sequenceFeeds(chosen), ...sequenceFeeds(rejected), reference.chosen, reference.rejected],
        lossSum: sum(losses),
        weight: scalarConstant(microBatchSize),
        metricSums: {
          rewardsChosen: sum(rewardsChosen),
          rewardsRejected: sum(rewardsRejected),
          rewardMargin: sum(sub(rewardsChosen, rewardsRejected)),
          rewardAccuracy: sum(cast(less(rewardsRejected, rewardsChosen), "float32")),
        },
      };
    },
    (parameters) => [sequenceLogProbabilitiesFunction(options, parameters)],
  );
}

function sequenceLogProbabilitiesFunction(
  { model, microBatchSize, sequenceLength, precision }: DpoProgramOptions,
  parameters: Parameters,
): ProgramFunction {
  const batch = feedSequences(microBatchSize, sequenceLength);
  return {
    name: "sequenceLogProbabilities",
    feeds: sequenceFeeds(batch),
    fetches: { logProbabilities: sequenceLogProbabilities(model, parameters, batch, { precision }) },
    effects: [],
  };
}
