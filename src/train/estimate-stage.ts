/** What one training stage computes and keeps in memory, and what would make it smaller. */
import { trainingCost, type TrainingCost } from "./estimate-memory.ts";
import { trainingFlopsPerToken } from "./estimate-parameters.ts";
import type { TrainingProgram, TrainingProgramOptions } from "./training-program.ts";

export interface StageEstimate extends TrainingCost {
  readonly tokensPerStep: number;
  /** Rows, or pairs, of a step. */
  readonly rowsPerStep: number;
  /** 6N + 12·L·C·T. */
  readonly modelFlopsPerToken: number;
  /** Of the products in the program, what is computed again included. */
  readonly flopsPerToken: number;
}

/** `sequencesPerRow`: 2 for preference pairs. */
export function estimateStage(training: TrainingProgram, sequencesPerRow = 1): StageEstimate {
  const { model, microBatchSize, gradientAccumulation, sequenceLength } = training.options;
  const rowsPerStep = microBatchSize * gradientAccumulation;
  const tokensPerStep = rowsPerStep * sequencesPerRow * sequenceLength;
  const cost = trainingCost(training);
  return {
    ...cost,
    tokensPerStep,
    rowsPerStep,
    modelFlopsPerToken: trainingFlopsPerToken(model, sequenceLength),
    flopsPerToken: cost.flopsPerStep / tokensPerStep,
  };
}

export type Economy = Pick<TrainingProgramOptions, "microBatchSize" | "gradientAccumulation"> & {
  readonly recompute: NonNullable<TrainingProgramOptions["recompute"]>;
};

/**
 * The same step in less memory: activations computed again, then blocks, then smaller micro-batches and more of them. The first that fits into
 * `maxBytes`, with what it takes; undefined where none does.
 */
export function firstThatFits(
  options: TrainingProgramOptions,
  define: (options: TrainingProgramOptions) => TrainingProgram,
  maxBytes: number,
): { readonly economy: Economy; readonly bytes: number } | undefined {
  const rows = options.microBatchSize * options.gradientAccumulation;
  for (const microBatchSize of divisorsUpTo(options.microBatchSize, rows)) {
    for (const recompute of ["activations", "blocks"] as const) {
      const economy: Economy = { recompute, microBatchSize, gradientAccumulation: rows / microBatchSize };
      const bytes = trainingCost(define({ ...options, ...economy })).memory.total;
      if (bytes <= maxBytes) return { economy, bytes };
    }
  }
  return undefined;
}

/** Of `count`, the largest first. */
function divisorsUpTo(most: number, count: number): readonly number[] {
  const divisors: number[] = [];
  for (let low = 1; low * low <= count; low++) if (count % low === 0) divisors.push(low, count / low);
  return [...new Set(divisors)].filter((divisor) => divisor <= most).sort((a, b) => b - a);
}
