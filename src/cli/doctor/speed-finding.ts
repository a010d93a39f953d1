/** What was measured of a recipe, as a line of the doctor's. */
import { formatCompact, formatDuration, formatFlops } from "../../report/quantity.ts";
import type { RecipeSpeed, UnknownSpeed } from "../estimate/recipe-speeds.ts";
import type { Finding } from "./finding.ts";

export const nothingToMeasure: Finding = {
  name: "speed",
  level: "warn",
  message: "there is no recipe in configs/ to measure",
};

export function speedFinding(speed: RecipeSpeed | UnknownSpeed): Finding {
  const name = "speed";
  if ("error" in speed) {
    const { code, message, hint } = speed.error;
    const why = `${speed.config}: ${code}: ${message}`;
    return { name, level: "fail", message: why, ...(hint === undefined ? {} : { hint }) };
  }
  const { config, tokensPerSecond, flopsPerSecond, hours } = speed;
  const rate = `${formatCompact(tokensPerSecond)} tokens/s predicted, at ${formatFlops(flopsPerSecond)}`;
  const message = `${config}: ${rate}; pretraining takes ${formatDuration(hours * 3_600_000)}`;
  return { name, level: "ok", message };
}
