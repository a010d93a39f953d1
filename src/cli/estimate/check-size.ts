/** Says at once that a recipe is beyond every machine, by a bound that takes no program: that of such a recipe would take hours to define. */
import { userError } from "../../errors.ts";
import { formatBytes } from "../../report/quantity.ts";
import { namedDevices } from "../../train/estimate-devices.ts";
import { countByPart } from "../../train/estimate-parameters.ts";
import type { Machine } from "./machine.ts";
import { modelOf, trainingStages, type TrainingRecipe, type TrainingStage } from "./training-recipe.ts";

const floatBytes = 4;

/** Bytes that no setting saves: weights and both moments, and what enters each block, which the gradient reads. */
function leastBytes(recipe: TrainingRecipe, stage: TrainingStage): number {
  const model = modelOf(recipe);
  const { pretrain, sft, dpo } = recipe;
  const sequences = {
    pretrain: pretrain.microBatchSize * model.contextLength,
    sft: sft.microBatchSize * sft.sequenceLength,
    dpo: 2 * dpo.microBatchSize * dpo.maxLength,
  };
  return floatBytes * (3 * countByPart(model).total + sequences[stage] * model.hiddenSize * model.numLayers);
}

/** Throws `RECIPE_TOO_LARGE` where a device would need more than this machine and every named GPU has. */
export function checkSize(recipe: TrainingRecipe, { memoryBytes }: Pick<Machine, "memoryBytes">): void {
  const most = Math.max(memoryBytes, ...namedDevices.map((device) => device.memoryBytes));
  for (const stage of trainingStages) {
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
