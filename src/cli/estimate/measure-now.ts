/** Trains for seconds to know this machine's speed, and keeps what came out for later questions. */
import { openEngine } from "../../engine/open-engine.ts";
import { formatDuration } from "../../report/quantity.ts";
import { measureTraining } from "../../train/measure-training.ts";
import type { TrainingProgramOptions } from "../../train/training-program.ts";
import { keepMeasurement, type KeptMeasurement } from "./kept-measurements.ts";

/** `budgetMs`: of training steps; compiling comes on top. */
export async function measureNow(
  options: TrainingProgramOptions,
  report: (message: string) => void,
  { what = "this recipe's shape", budgetMs = 10_000 }: { what?: string; budgetMs?: number } = {},
): Promise<KeptMeasurement> {
  report(`measuring ${what}: about ${formatDuration(budgetMs)} of training steps`);
  const measurement = await measureTraining({ engine: await openEngine(), options, budgetMs });
  return await keepMeasurement(options, measurement, new Date());
}
