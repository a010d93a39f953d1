/** How fast this machine would train each recipe of the project: every shape among them is measured once. */
import { isDeepStrictEqual } from "node:util";
import { loadConfig } from "../../pipeline/config-load.ts";
import { estimateStage } from "../../train/estimate-stage.ts";
import { predictSpeed, type SpeedPrediction } from "../../train/measure-training.ts";
import { configFile, recipeNames } from "../config-file.ts";
import { shapeOf, type KeptMeasurement } from "./kept-measurements.ts";
import { measureNow } from "./measure-now.ts";
import { programOf, trainingRecipeSchema } from "./training-recipe.ts";

export interface RecipeSpeed extends SpeedPrediction {
  readonly config: string;
}

/** Of each shape. */
const budgetMs = 5_000;

/** Throws what `loadConfig` throws for a recipe that is none. */
export async function recipeSpeeds(
  projectRoot: string,
  report: (message: string) => void,
): Promise<readonly RecipeSpeed[]> {
  const measured: KeptMeasurement[] = [];
  const speeds: RecipeSpeed[] = [];
  for (const config of recipeNames(projectRoot)) {
    const file = configFile(config, { projectRoot, workingDirectory: projectRoot });
    const { value } = await loadConfig({ projectRoot, file, schema: trainingRecipeSchema });
    const program = programOf(trainingRecipeSchema.parse(value), "pretrain");
    const known = measured.find(({ shape }) => isDeepStrictEqual(shape, shapeOf(program.options)));
    const kept = known ?? (await measureNow(program.options, report, { what: config, budgetMs }));
    if (known === undefined) measured.push(kept);
    const { flopsPerStep } = estimateStage(program);
    speeds.push({ config, ...predictSpeed(program.options, flopsPerStep, kept.measurement) });
  }
  return speeds;
}
