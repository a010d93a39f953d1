/**
 * What a training program keeps in memory, read off the symbolic program itself, so that blocks computed again and
 * logits in chunks count for what they save.
 */
import { bytesOf, nodesOf, productFlops } from "../tensor/cost.ts";
import { ancestors, type Tensor } from "../tensor/graph.ts";
import { fullestMoment, ownerOf } from "../tensor/liveness.ts";
import { optimizeFunction } from "../tensor/optimize.ts";
import type { ProgramFunction, Variable } from "../tensor/program.ts";
import type { TrainingProgram } from "./training-program.ts";

/** Bytes. */
export interface TrainingMemory {
  readonly weights: number;
  /** Both of AdamW. */
  readonly moments: number;
  /** Gradients and sums that live from one micro-batch to the next; 0 where a step is one micro-batch. */
  readonly accumulators: number;
  /** At the fullest moment of a call: values of the forward pass that the gradient will read, logits apart. */
  readonly activations: number;
  /** At that moment: logits and their gradient. */
  readonly logits: number;
  /** At that moment: gradients and values in between. */
  readonly working: number;
  /** The sum of all that: variables and the fullest moment of a call. */
  readonly total: number;
}

export interface TrainingCost {
  readonly memory: TrainingMemory;
  /** Bytes of all that the forward pass leaves for the backward pass, logits included. */
  readonly keptForBackward: number;
  /** Of all products that one step really computes, those computed again included. */
  readonly flopsPerStep: number;
}

/** The function that goes forward and back: a whole step, or one micro-batch of it. */
export function backwardFunction({ program }: TrainingProgram): ProgramFunction {
  const found = program.functions.find(({ name }) => name === "trainStep" || name === "accumulate");
  if (found === undefined) throw new Error("the program trains nothing");
  return found;
}

export function trainingCost(training: TrainingProgram): TrainingCost {
  const { program, options, trained } = training;
  const { vocabSize } = options.model;
  const fn = optimizeFunction(backwardFunction(training));
  const sum = (variables: readonly Variable[]) => variables.reduce((total, each) => total + bytesOf(each), 0);
  const weights = sum(trained.map(({ parameter }) => parameter));
  const moments = sum(trained.flatMap(({ firstMoment, secondMoment }) => [firstMoment, secondMoment]));
  const accumulators = sum(program.variables) - weights - moments;

  const isLogits = (node: Tensor) => isOverVocabulary(node, vocabSize);
  const kept = keptForBackward(fn);
  const fullest = fullestMoment(fn);
  const logits = bytesTotal(fullest.nodes.filter(isLogits));
  const activations = bytesTotal(fullest.nodes.filter((node) => !isLogits(node) && kept.has(node)));
  const working = fullest.bytes - logits - activations;
  const total = weights + moments + accumulators + fullest.bytes;
  return {
    memory: { weights, moments, accumulators, activations, logits, working, total },
    keptForBackward: bytesTotal([...kept]),
    flopsPerStep: productFlops(nodesOf(fn)) * options.gradientAccumulation,
  };
}

const bytesTotal = (nodes: readonly Tensor[]): number =>
  nodes.reduce((total, node) => total + bytesOf(node), 0);

/** (R, V), and not in a block, where another width may be equal. The tied embedding's gradient is (V, C). */
const isOverVocabulary = ({ shape, scope }: Tensor, vocabSize: number): boolean =>
  shape.length === 2 && shape[1] === vocabSize && !scope.includes("layers.");

/** Values of the forward pass that outlive it, because the gradient reads them: each piece of memory once. */
export function keptForBackward(fn: ProgramFunction): ReadonlySet<Tensor> {
  const forward = new Set(ancestors([lossOf(fn)]));
  const kept = new Set<Tensor>();
  const read = [
    ...nodesOf(fn)
      .filter((node) => !forward.has(node))
      .flatMap(({ inputs }) => inputs),
  ];
  for (const node of read) {
    const owner = ownerOf(node);
    const given = ["constant", "feed", "variable"].includes(owner.op.kind);
    if (forward.has(node) && !given) kept.add(owner);
  }
  return kept;
}

/** What the gradient was taken of; creation puts everything it depends on before the gradient. */
function lossOf(fn: ProgramFunction): Tensor {
  const loss =
    fn.fetches["loss"] ??
    fn.effects.flatMap((effect) =>
      effect.kind === "assignAdd" && effect.variable.name === "accumulated.loss" ? [effect.value] : [],
    )[0];
  if (loss === undefined) throw new Error(`${fn.name} has no loss`);
  return loss;
}
