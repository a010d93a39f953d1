/** The options that name a recipe, spelt out again: for hints, and for commands that are started with it. */
import type { RecipeOptions } from "./cli-context.ts";

export function recipeFlags({ config, set }: RecipeOptions): readonly string[] {
  return [...(config === undefined ? [] : ["--config", config]), ...set.flatMap((one) => ["--set", one])];
}
