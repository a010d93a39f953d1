/** Says at once that a recipe is beyond every machine, by a bound that takes no program: that of such a recipe would take hours to define. */
import { userError } from "../../errors.ts";
import { formatBytes } from "../../report/quantity.ts";
import { namedDevices } from "../../train/estimate-devices.ts";
import { countByPart } from "../../train/estimate-parameters.ts";
import type { Machine } from "./machine.ts";
import { modelOf, trainingStages, type TrainingRecipe, type TrainingStage } from "./training-recipe.ts";

const floatBytes = 4;

const lengthSettings = {
  pretrain: "pretrain.model.contextLength",
  sft: "sft.sequenceLength",
  dpo: "dpo.maxLength",
} as const satisfies Record<TrainingStage, string>;

function sequenceLength({ pretrain, sft, dpo }: TrainingRecipe, stage: TrainingStage): number {
  return { pretrain: pretrain.model.contextLength, sft: sft.sequenceLength, dpo: dpo.maxLength }[stage];
}

/** Bytes of the causal masks, constants of the program: half of a square, as the blocks of attention cut it. */
const maskBytes = (length: number): number => (floatBytes * length * length) / 2;

/** Bytes that no setting saves: weights and both moments, and what enters each block, which the gradient reads. */
function leastBytes(recipe: TrainingRecipe, stage: TrainingStage): number {
  const model = modelOf(recipe);
  const sequences = recipe[stage].microBatchSize * (stage === "dpo" ? 2 : 1);
  const tokens = sequences * sequenceLength(recipe, stage);
  return floatBytes * (3 * countByPart(model).total + tokens * model.hiddenSize * model.numLayers);
}

/**
 * Throws `RECIPE_TOO_LARGE` where a device would need more than this machine and every named GPU has, or this machine
 * could not even hold a program.
 */
export function checkSize(recipe: TrainingRecipe, { memoryBytes }: Pick<Machine, "memoryBytes">): void {
  const most = Math.max(memoryBytes, ...namedDevices.map((device) => device.memoryBytes));
  for (const stage of trainingStages) {
    const length = sequenceLength(recipe, stage);
    if (maskBytes(length) > memoryBytes)
      throw userError(
        "RECIPE_TOO_LARGE",
        `${stage} attends over ${length.toLocaleString("en-US")} tokens, and the masks for that alone are ` +
          `${formatBytes(maskBytes(length))}; this machine has ${formatBytes(memoryBytes)}`,
        `shorter sequences: a smaller ${lengthSettings[stage]}`,
      );
    const least = leastBytes(recipe, stage);
    if (least <= most) continue;
    throw userError(
      "RECIPE_TOO_LARGE",
      `${stage} needs at least ${formatBytes(least)} of memory on each device, for weights, moments and what enters each block; ` +
        `this machine has ${formatBytes(memoryBytes)}, and no GPU that is known here has more than ${formatBytes(most)}`,
      `a smaller model (pretrain.model), shorter sequences, or a smaller ${stage}.microBatchSize with a larger gradientAccumulation`,
    );
  }
}
