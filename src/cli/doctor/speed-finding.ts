/** What was measured of a recipe, as a line of the doctor's. */
import { formatCompact, formatFlops } from "../../report/quantity.ts";
import type { RecipeSpeed } from "../estimate/recipe-speeds.ts";
import type { Finding } from "./finding.ts";

export const speedFinding = ({ config, tokensPerSecond, flopsPerSecond }: RecipeSpeed): Finding => ({
  name: "speed",
  level: "ok",
  message: `${config}: ${formatCompact(tokensPerSecond)} tokens/s predicted, at ${formatFlops(flopsPerSecond)}`,
});
