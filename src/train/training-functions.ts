/**
 * The functions of a training program for any objective: one call a step, or micro-batches that add up and a call
 * that applies them. Both take the gradient of Σ loss / Σ weight over the whole step, so that how a batch is cut
 * changes neither loss nor gradient norm, however unevenly its weight is spread.
 */
import { gradients } from "../tensor/gradients.ts";
import type { Tensor } from "../tensor/graph.ts";
import { div, maximum, mul, zeros } from "../tensor/ops.ts";
import {
  defineVariable,
  feed,
  readVariable,
  type Effect,
  type ProgramFunction,
  type Variable,
} from "../tensor/program.ts";
import type { Parameters } from "../model/llama.ts";
import { optimizerStep, type OptimizerConfig, type TrainedParameter } from "./optimizer.ts";

/** What a micro-batch contributes; scalars, sums over its items. */
export interface Objective {
  readonly feeds: readonly Tensor[];
  /** Σ of the items' losses: what is differentiated. */
  readonly lossSum: Tensor;
  /** How many items that is: supervised tokens, or pairs. */
  readonly weight: Tensor;
  /** Further sums to report as means by the same weight. */
  readonly metricSums: Readonly<Record<string, Tensor>>;
}

export interface TrainingFunctions {
  /** `trainStep`, or `accumulate` and `applyGradients`. They fetch `loss`, `gradientNorm` and the objective's metrics. */
  readonly functions: readonly ProgramFunction[];
  /** Sums that live from one micro-batch to the next; zero between steps. */
  readonly accumulators: readonly Variable[];
}

export function trainingFunctions(
  trained: readonly TrainedParameter[],
  parameters: Parameters,
  objective: Objective,
  gradientAccumulation: number,
  optimizer: OptimizerConfig,
): TrainingFunctions {
  const learningRate = feed("learningRate", []);
  const step = feed("step", []);
  const parameterNodes = trained.map(({ parameter }) => parameters(parameter.name));
  const sums = { loss: objective.lossSum, ...objective.metricSums };

  if (gradientAccumulation === 1) {
    const { weight } = objective;
    const mean = meansBy(weight);
    const loss = mean(objective.lossSum);
    const { gradientNorm, effects } = optimizerStep(
      trained,
      gradients(loss, parameterNodes),
      learningRate,
      step,
      optimizer,
    );
    const metrics = mapValues(objective.metricSums, mean);
    const trainStep: ProgramFunction = {
      name: "trainStep",
      feeds: [...objective.feeds, learningRate, step],
      fetches: { loss, gradientNorm, ...metrics },
      effects,
    };
    return { functions: [trainStep], accumulators: [] };
  }

  const gradientSums = trained.map(({ parameter }) =>
    defineVariable(`accumulated.gradient.${parameter.name}`, parameter.shape),
  );
  const weightSum = defineVariable("accumulated.weight", []);
  const valueSums = mapValues(sums, (_, name) => defineVariable(`accumulated.${name}`, []));
  const accumulators = [...gradientSums, weightSum, ...Object.values(valueSums)];

  const additions: readonly Tensor[] = [
    ...gradients(objective.lossSum, parameterNodes),
    objective.weight,
    ...Object.values(sums),
  ];
  const accumulate: ProgramFunction = {
    name: "accumulate",
    feeds: objective.feeds,
    fetches: {},
    effects: pairUp(accumulators, additions).map(([variable, value]): Effect => ({
      kind: "assignAdd",
      variable,
      value,
    })),
  };

  const weight = readVariable(weightSum);
  const { gradientNorm, effects } = optimizerStep(
    trained,
    gradientSums.map((variable) => meansBy(weight)(readVariable(variable))),
    learningRate,
    step,
    optimizer,
  );
  const applyGradients: ProgramFunction = {
    name: "applyGradients",
    feeds: [learningRate, step],
    fetches: { gradientNorm, ...mapValues(valueSums, (variable) => meansBy(weight)(readVariable(variable))) },
    effects: [
      ...effects,
      ...accumulators.map((variable): Effect => ({ kind: "assign", variable, value: zeros(variable.shape) })),
    ],
  };
  return { functions: [accumulate, applyGradients], accumulators };
}

/** Σx / Σweight; a step in which nothing is supervised has loss and gradient 0. */
const meansBy =
  (weight: Tensor) =>
  (sum: Tensor): Tensor =>
    mul(sum, div(1, maximum(weight, 1)));

const pairUp = <A, B>(left: readonly A[], right: readonly B[]): [A, B][] =>
  left.flatMap((a, index): [A, B][] => {
    const b = right[index];
    return b === undefined ? [] : [[a, b]];
  });

const mapValues = <A, B>(
  record: Readonly<Record<string, A>>,
  map: (value: A, key: string) => B,
): Record<string, B> =>
  Object.fromEntries(Object.entries(record).map(([key, value]) => [key, map(value, key)]));
