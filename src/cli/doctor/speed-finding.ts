/** What was measured of a recipe, as a line of the doctor's. */
import { formatCompact, formatDuration, formatFlops } from "../../report/quantity.ts";
import type { RecipeSpeed } from "../estimate/recipe-speeds.ts";
import type { Finding } from "./finding.ts";

export const speedFinding = ({ config, tokensPerSecond, flopsPerSecond, hours }: RecipeSpeed): Finding => ({
  name: "speed",
  level: "ok",
  message: `${config}: ${formatCompact(tokensPerSecond)} tokens/s predicted, at ${formatFlops(flopsPerSecond)}; pretraining takes ${formatDuration(hours * 3_600_000)}`,
});
