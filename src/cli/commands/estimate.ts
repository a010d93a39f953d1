/** `pipeline estimate`: what a recipe will take of memory, disk and time. Exit code 1 where it cannot fit this machine. */
import { note, print, printJson, type CliContext, type RecipeOptions } from "../cli-context.ts";
import { checkSize } from "../estimate/check-size.ts";
import { estimateRecipe } from "../estimate/estimate-recipe.ts";
import { keptMeasurement } from "../estimate/kept-measurements.ts";
import { examineForTraining } from "../estimate/machine.ts";
import { measureNow, type MeasurePlace } from "../estimate/measure-now.ts";
import { programOf, trainingRecipe } from "../estimate/training-recipe.ts";
import { exitCodes } from "../exit-code.ts";
import { recipeFlags } from "../recipe-flags.ts";
import { estimateText } from "../text/estimate-text.ts";
import { withSession } from "../with-session.ts";

export interface EstimateOptions extends RecipeOptions {
  readonly measure?: boolean;
  readonly json?: boolean;
}

/** Where a measurement is made, and who is told. */
export const measurePlace = (context: CliContext): MeasurePlace => ({
  compiledDirectory: context.host.compiledDirectory,
  env: context.env,
  report: (message) => note(context, message),
});

export async function estimateCommand(
  context: CliContext,
  { measure = false, json, ...options }: EstimateOptions,
): Promise<number> {
  const { config, recipe } = await withSession(context, options, (session) =>
    Promise.resolve({ config: session.config, recipe: trainingRecipe(session.recipe) }),
  );
  const machine = await examineForTraining(context.host.projectRoot);
  checkSize(recipe, machine);
  const training = programOf(recipe, "pretrain").options;
  const { devices } = recipe.pretrain;
  const kept = measure
    ? await measureNow(training, measurePlace(context), { devices })
    : await keptMeasurement(machine.engine, training, devices);
  const estimate = estimateRecipe({ config, flags: recipeFlags(options), recipe }, machine, kept);
  if (json === true) printJson(context, estimate);
  else print(context, estimateText(estimate, context.paint));
  return estimate.problems.length === 0 ? exitCodes.ok : exitCodes.failure;
}
