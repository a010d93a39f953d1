/** How fast this machine would train each recipe of the project: every shape among them is measured once. */
import { isDeepStrictEqual } from "node:util";
import { loadConfig } from "../../pipeline/config-load.ts";
import { estimateStage } from "../../train/estimate-stage.ts";
import { predictSpeed, type SpeedPrediction } from "../../train/measure-training.ts";
import type { TrainingProgram } from "../../train/training-program.ts";
import { configFile, recipeNames } from "../config-file.ts";
import { shapeOf, type KeptMeasurement } from "./kept-measurements.ts";
import { measureNow, type MeasurePlace } from "./measure-now.ts";
import { programOf, trainingRecipeSchema } from "./training-recipe.ts";

export interface RecipeSpeed extends SpeedPrediction {
  readonly config: string;
  /** Of pretraining. */
  readonly hours: number;
}

interface Recipe {
  readonly config: string;
  readonly program: TrainingProgram;
  readonly shape: KeptMeasurement["shape"];
  readonly steps: number;
}

/** Of training steps, over all shapes; compiling comes on top. */
const totalBudgetMs = 10_000;

/** Throws what `loadConfig` throws for a recipe that is none, and what `measureNow` throws. */
export async function recipeSpeeds(
  projectRoot: string,
  place: MeasurePlace,
): Promise<readonly RecipeSpeed[]> {
  const recipes: Recipe[] = [];
  for (const config of recipeNames(projectRoot)) {
    const file = configFile(config, { projectRoot, workingDirectory: projectRoot });
    const { value } = await loadConfig({ projectRoot, file, schema: trainingRecipeSchema });
    const recipe = trainingRecipeSchema.parse(value);
    const program = programOf(recipe, "pretrain");
    recipes.push({ config, program, shape: shapeOf(program.options), steps: recipe.pretrain.steps });
  }
  const isFirst = (at: number) =>
    recipes.findIndex(({ shape }) => isDeepStrictEqual(shape, recipes[at]?.shape)) === at;
  const budgetMs = totalBudgetMs / recipes.filter((_, at) => isFirst(at)).length;
  const measured: KeptMeasurement[] = [];
  const speeds: RecipeSpeed[] = [];
  for (const { config, program, shape, steps } of recipes) {
    const known = measured.find((each) => isDeepStrictEqual(each.shape, shape));
    const kept = known ?? (await measureNow(program.options, place, { what: config, budgetMs }));
    if (known === undefined) measured.push(kept);
    const { flopsPerStep, tokensPerStep } = estimateStage(program);
    const prediction = predictSpeed(program.options, flopsPerStep, kept.measurement);
    const hours = (steps * tokensPerStep) / prediction.tokensPerSecond / 3600;
    speeds.push({ config, ...prediction, hours });
  }
  return speeds;
}
