/** AdamW with clipping by global norm, as effects on the parameters of a program. */
import { userError } from "../errors.ts";
import type { Tensor } from "../tensor/graph.ts";
import { add, div, minimum, mul, sqrt, sum } from "../tensor/ops.ts";
import { defineVariable, type Effect, type Variable } from "../tensor/program.ts";

export interface OptimizerConfig {
  readonly beta1: number;
  readonly beta2: number;
  readonly epsilon: number;
  /** λ of decoupled decay, on tensors of two or more dimensions only (the tied embedding included). */
  readonly weightDecay: number;
  /** Largest global norm of the gradient. */
  readonly gradientClip: number;
}

/** SmolLM2's, but for its weight decay of 0.01. Throws `OPTIMIZER_INVALID`. */
export function defineOptimizer(given: Partial<OptimizerConfig> = {}): OptimizerConfig {
  const config = { beta1: 0.9, beta2: 0.95, epsilon: 1e-8, weightDecay: 0.1, gradientClip: 1, ...given };
  const check = (field: keyof OptimizerConfig, valid: boolean, rule: string) => {
    if (!valid) throw userError("OPTIMIZER_INVALID", `${field} is ${config[field]}`, `It must be ${rule}.`);
  };
  check("beta1", config.beta1 >= 0 && config.beta1 < 1, "at least 0 and below 1");
  check("beta2", config.beta2 >= 0 && config.beta2 < 1, "at least 0 and below 1");
  check("epsilon", config.epsilon > 0, "above 0");
  check("weightDecay", config.weightDecay >= 0, "at least 0");
  check("gradientClip", config.gradientClip > 0, "above 0");
  return config;
}

/** A parameter with its running means of gradient and squared gradient. */
export interface TrainedParameter {
  readonly parameter: Variable;
  readonly firstMoment: Variable;
  readonly secondMoment: Variable;
}

export const defineTrainedParameter = (parameter: Variable): TrainedParameter => ({
  parameter,
  firstMoment: defineVariable(`optimizer.firstMoment.${parameter.name}`, parameter.shape),
  secondMoment: defineVariable(`optimizer.secondMoment.${parameter.name}`, parameter.shape),
});

export interface OptimizerStep {
  /** Scalar: global norm before clipping. */
  readonly gradientNorm: Tensor;
  readonly effects: readonly Effect[];
}

/**
 * One step of AdamW by `gradients`, in the order of `trained`, after scaling them by min(1, clip / (norm + 1e-6))
 * as torch's clip_grad_norm_ does (Pascanu et al. 2013, arXiv:1211.5063). Scalars: learningRate, step from 1.
 */
export function optimizerStep(
  trained: readonly TrainedParameter[],
  gradients: readonly Tensor[],
  learningRate: Tensor,
  step: Tensor,
  { beta1, beta2, epsilon, weightDecay, gradientClip }: OptimizerConfig,
): OptimizerStep {
  const squares = gradients.map((gradient) => sum(mul(gradient, gradient)));
  const gradientNorm = sqrt(squares.reduce((total, square) => add(total, square)));
  const scale = minimum(div(gradientClip, add(gradientNorm, 1e-6)), 1);
  const effects = trained.flatMap((variables, index): Effect[] => {
    const gradient = gradients[index];
    if (gradient === undefined) return [];
    return [
      {
        kind: "adamW",
        ...variables,
        gradient: mul(gradient, scale),
        learningRate,
        step,
        beta1,
        beta2,
        epsilon,
        weightDecay: variables.parameter.shape.length >= 2 ? weightDecay : 0,
      },
    ];
  });
  return { gradientNorm, effects };
}
