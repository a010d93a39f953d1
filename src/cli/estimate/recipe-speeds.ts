/** How fast this machine would train each recipe of the project: every shape among them is measured once. */
import { serializeError, type SerializedError } from "../../errors.ts";
import { loadConfig } from "../../pipeline/config-load.ts";
import { estimateStage } from "../../train/estimate-stage.ts";
import { predictSpeed, type SpeedPrediction } from "../../train/measure-training.ts";
import type { TrainingProgram } from "../../train/training-program.ts";
import { configFile, recipeNames } from "../config-file.ts";
import { shapeOf } from "./kept-measurements.ts";
import { measureNow, type MeasurePlace } from "./measure-now.ts";
import { programOf, trainingRecipeSchema } from "./training-recipe.ts";

export interface RecipeSpeed extends SpeedPrediction {
  readonly config: string;
  /** Of pretraining. */
  readonly hours: number;
}

/** Why the speed of a recipe is not known. */
export interface UnknownSpeed {
  readonly config: string;
  readonly error: SerializedError;
}

interface Recipe {
  readonly config: string;
  readonly program: TrainingProgram;
  readonly steps: number;
  readonly devices: number;
}

/** Of training steps, over all shapes; compiling comes on top. */
const totalBudgetMs = 10_000;

/** In the order of their names. What is wrong with one recipe, or one measurement, is told in its place. */
export async function recipeSpeeds(
  projectRoot: string,
  place: MeasurePlace,
): Promise<readonly (RecipeSpeed | UnknownSpeed)[]> {
  const answers: (RecipeSpeed | UnknownSpeed)[] = [];
  const byShape = new Map<string, Recipe[]>();
  for (const config of recipeNames(projectRoot))
    try {
      const recipe = await loadRecipe(projectRoot, config);
      const shape = JSON.stringify([recipe.devices, shapeOf(recipe.program.options)]);
      byShape.set(shape, [...(byShape.get(shape) ?? []), recipe]);
    } catch (error) {
      answers.push({ config, error: serializeError(error) });
    }
  const budgetMs = totalBudgetMs / byShape.size;
  for (const alike of byShape.values()) answers.push(...(await speedsOf(alike, place, budgetMs)));
  return answers.sort((left, right) => (left.config < right.config ? -1 : 1));
}

async function loadRecipe(projectRoot: string, config: string): Promise<Recipe> {
  const file = configFile(config, { projectRoot, workingDirectory: projectRoot });
  const { value } = await loadConfig({ projectRoot, file, schema: trainingRecipeSchema });
  const recipe = trainingRecipeSchema.parse(value);
  const { steps, devices } = recipe.pretrain;
  return { config, program: programOf(recipe, "pretrain"), steps, devices };
}

/** Of recipes of one shape. */
async function speedsOf(
  recipes: readonly Recipe[],
  place: MeasurePlace,
  budgetMs: number,
): Promise<readonly (RecipeSpeed | UnknownSpeed)[]> {
  const [first] = recipes;
  if (first === undefined) return [];
  const what = recipes.map(({ config }) => config).join(", ");
  try {
    const { measurement } = await measureNow(first.program.options, place, {
      what,
      budgetMs,
      devices: first.devices,
    });
    return recipes.map(({ config, program, steps }) => {
      const { flopsPerStep, tokensPerStep } = estimateStage(program);
      const prediction = predictSpeed(program.options, flopsPerStep, measurement);
      return { config, ...prediction, hours: (steps * tokensPerStep) / prediction.tokensPerSecond / 3600 };
    });
  } catch (failure) {
    const error = serializeError(failure);
    return recipes.map(({ config }) => ({ config, error }));
  }
}
