/** A compiled-to-be training program together with what the loop must know about its variables. */
import { userError } from "../errors.ts";
import type { LlamaConfig } from "../model/llama-config.ts";
import { defineParameters } from "../model/llama-parameters.ts";
import { readParameters, type Parameters, type Recompute } from "../model/llama.ts";
import type { Precision } from "../model/precision.ts";
import { defineProgram, type Program, type ProgramFunction, type Variable } from "../tensor/program.ts";
import { defineTrainedParameter, type OptimizerConfig, type TrainedParameter } from "./optimizer.ts";
import { trainingFunctions, type Objective } from "./training-functions.ts";

export interface TrainingProgramOptions {
  readonly model: LlamaConfig;
  /** Sequences, or preference pairs, in one call. */
  readonly microBatchSize: number;
  readonly sequenceLength: number;
  /** Micro-batches in one step. */
  readonly gradientAccumulation: number;
  readonly optimizer: OptimizerConfig;
  /** What is computed again for the gradient instead of being kept; default: nothing. */
  readonly recompute?: Recompute;
  /** Of the products in the blocks; weights, gradients and moments are float32 always. Default: float32. */
  readonly precision?: Precision;
}

export interface TrainingProgram {
  readonly program: Program;
  readonly options: TrainingProgramOptions;
  readonly trained: readonly TrainedParameter[];
  /** Sums of one step's micro-batches; none where a step is one. */
  readonly accumulators: readonly Variable[];
}

/** Throws `TRAINING_INVALID` for sizes that are not positive whole numbers. */
export function defineTrainingProgram(
  options: TrainingProgramOptions,
  objective: (parameters: Parameters) => Objective,
  otherFunctions: (parameters: Parameters) => readonly ProgramFunction[] = () => [],
): TrainingProgram {
  for (const field of ["microBatchSize", "sequenceLength", "gradientAccumulation"] as const)
    if (!Number.isSafeInteger(options[field]) || options[field] < 1)
      throw userError(
        "TRAINING_INVALID",
        `${field} is ${options[field]}`,
        "It must be a positive whole number.",
      );
  const variables = defineParameters(options.model);
  const trained = variables.map(defineTrainedParameter);
  const parameters = readParameters(variables);
  const { functions, accumulators } = trainingFunctions(
    trained,
    parameters,
    objective(parameters),
    options.gradientAccumulation,
    options.optimizer,
  );
  const program = defineProgram({
    variables: [
      ...variables,
      ...trained.flatMap(({ firstMoment, secondMoment }) => [firstMoment, secondMoment]),
      ...accumulators,
    ],
    functions: [...functions, ...otherFunctions(parameters)],
  });
  return { program, options, trained, accumulators };
}
