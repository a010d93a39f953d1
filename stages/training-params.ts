/** Params that the training stages share, as schemas that every recipe is checked against. */
import { z } from "zod";
import { PipelineError } from "../src/errors.ts";
import { defineLlama } from "../src/model/llama-config.ts";
import { recomputeChoices } from "../src/model/llama.ts";
import { precisionChoices } from "../src/model/precision.ts";
import type { Schedule } from "../src/train/schedules.ts";

const positiveInt = z.int().positive();

/** Shape of the model; its vocabulary size is the tokenizer's. */
export const modelParams = z
  .strictObject({
    hiddenSize: positiveInt.describe("width of the residual stream"),
    intermediateSize: positiveInt.describe("width inside the feed-forward block"),
    numLayers: positiveInt,
    numHeads: positiveInt.describe("query heads; must divide hiddenSize"),
    numKvHeads: positiveInt.describe("key/value heads; must divide numHeads"),
    contextLength: positiveInt.describe("longest sequence, in tokens"),
    ropeTheta: z.number().positive().default(10_000),
    rmsNormEpsilon: z.number().positive().default(1e-5),
  })
  .check(({ value, issues }) => {
    const fault = shapeFault(value);
    // At the whole shape, not at one field: the place shown is then where it was last written, be it either field.
    if (fault !== undefined) issues.push({ code: "custom", input: value, path: [], message: fault });
  });

/** Why such a model cannot be, whatever its vocabulary. */
function shapeFault(shape: Omit<Parameters<typeof defineLlama>[0], "vocabSize">): string | undefined {
  try {
    defineLlama({ ...shape, vocabSize: 1 });
    return undefined;
  } catch (error) {
    if (error instanceof PipelineError) return error.message;
    throw error;
  }
}

/** What one optimizer step reads: microBatchSize × gradientAccumulation rows. */
export const batchParams = {
  microBatchSize: positiveInt.describe("rows that pass through the model at once"),
  gradientAccumulation: positiveInt.default(1).describe("micro-batches in one optimizer step"),
  devices: positiveInt
    .default(1)
    .describe(
      "accelerators, or shares of the cores, that share a step's micro-batches, each in a process of its own",
    ),
  recompute: z
    .enum(recomputeChoices)
    .default("none")
    .describe(
      "computed again for the gradient. activations: attention's weights and what is inside SwiGLU, a few per cent more " +
        "work; blocks: the inside of each block, a third more work, a fraction of the memory",
    ),
  precision: z
    .enum(precisionChoices)
    .default("float32")
    .describe(
      "of products inside the blocks. bfloat16: faster where the processor has instructions for it, slower elsewhere; weights, " +
        "gradients, moments and logits stay float32",
    ),
};

/** A check of every training stage's params: a device without a micro-batch would have nothing to do. */
export function devicesHaveWork({
  value: { devices, gradientAccumulation },
  issues,
}: z.core.ParsePayload<{ readonly devices: number; readonly gradientAccumulation: number }>): void {
  if (devices > gradientAccumulation)
    issues.push({
      code: "custom",
      input: devices,
      path: ["devices"],
      message: `are more than the ${gradientAccumulation} micro-batches of a step: raise gradientAccumulation, with a smaller microBatchSize for the same step`,
    });
}

export const optimizerParams = z.strictObject({
  beta1: z.number().min(0).lt(1).default(0.9),
  beta2: z.number().min(0).lt(1).default(0.95),
  epsilon: z.number().positive().default(1e-8),
  weightDecay: z.number().min(0).default(0.1).describe("decoupled; on matrices only"),
  gradientClip: z.number().positive().default(1).describe("largest global norm of the gradient"),
});

const rise = {
  peak: z.number().positive().describe("highest learning rate"),
  warmupRatio: z.number().min(0).max(1).optional().describe("warmup as a share of all steps"),
  warmupSteps: z
    .int()
    .min(0)
    .optional()
    .describe("warmup in steps: stays as it is when the recipe's steps are raised, so that training goes on"),
};

/** Learning rate by step. Decay is a share of all steps; warmup a share or a number of steps. */
export const scheduleParams = z
  .discriminatedUnion("kind", [
    z.strictObject({ kind: z.literal("constant"), ...rise }),
    z.strictObject({ kind: z.literal("cosine"), ...rise, finalRatio: z.number().min(0).max(1).default(0) }),
    z.strictObject({
      kind: z.literal("warmupStableDecay"),
      ...rise,
      decayRatio: z.number().min(0).max(1),
      decay: z.enum(["linear", "oneMinusSqrt"]).default("linear"),
    }),
  ])
  .check(({ value, issues }) => {
    if ((value.warmupRatio === undefined) === (value.warmupSteps === undefined))
      issues.push({
        code: "custom",
        input: value,
        path: [],
        message: "takes either warmupRatio or warmupSteps",
      });
  });

const thresholds = {
  window: z.int().min(2).default(128).describe("steps that a step is compared with"),
  lossZScore: z
    .number()
    .positive()
    .default(6)
    .describe("a loss so many standard deviations above the window's mean is a spike"),
  gradientNormZScore: z
    .number()
    .positive()
    .optional()
    .describe("the same of the gradient norm; default: not judged"),
};

/** What happens where the loss spikes or is not finite; without it the latter stops the stage. */
export const lossGuardParams = z
  .discriminatedUnion("action", [
    z.strictObject({ action: z.literal("stop"), ...thresholds }),
    z.strictObject({
      action: z.literal("rollback"),
      ...thresholds,
      rollbackEverySteps: positiveInt.default(100).describe("steps between states to return to"),
      rewindSteps: positiveInt.default(100).describe("how far before the spike the state must lie"),
      skipSteps: positiveInt
        .default(200)
        .describe("steps from there on whose batches are left out, at least"),
      maxRollbacks: positiveInt.default(3).describe("one more spike stops the stage"),
    }),
  ])
  .optional();

/** How the training stages report and save; none of it changes a result. */
export const runtimeParams = {
  checkpointEverySteps: positiveInt.default(200).describe("runtime: a checkpoint every so many steps"),
  keepCheckpoints: positiveInt.default(2).describe("runtime: how many checkpoints are kept"),
};
/** All cores, and an accelerator for each device. */
export const trainingResources = ({ devices }: { readonly devices: number }) => ({
  cpus: Infinity,
  accelerators: devices,
});

export const runtimeParamNames = ["checkpointEverySteps", "keepCheckpoints"] as const;

/** Values of pretraining that are tried in every combination. */
export const sweepParams = z.strictObject({
  peak: z.array(z.number().positive()).min(1).describe("highest learning rates"),
  seed: z.array(z.int()).min(1).describe("initial weights and orders of the data"),
});

/** Optimizer steps that `epochs` passes over `rows` rows take, at least one. */
export function stepsOf(
  params: { readonly epochs: number; readonly microBatchSize: number; readonly gradientAccumulation: number },
  rows: number,
): number {
  const rowsPerStep = params.microBatchSize * params.gradientAccumulation;
  return Math.max(1, Math.round((params.epochs * rows) / rowsPerStep));
}

/** The schedule over `totalSteps` steps. */
export function scheduleOver(totalSteps: number, params: z.infer<typeof scheduleParams>): Schedule {
  const { peak, warmupRatio = 0 } = params;
  const warmupSteps = params.warmupSteps ?? Math.round(warmupRatio * totalSteps);
  switch (params.kind) {
    case "constant":
      return { kind: "constant", peak, warmupSteps };
    case "cosine":
      return { kind: "cosine", peak, warmupSteps, totalSteps, final: peak * params.finalRatio };
    case "warmupStableDecay": {
      const most = Math.max(0, totalSteps - warmupSteps);
      const decaySteps = Math.min(Math.round(params.decayRatio * totalSteps), most);
      return { kind: "warmupStableDecay", peak, warmupSteps, totalSteps, decaySteps, decay: params.decay };
    }
  }
}
