/**
 * Watches losses and gradient norms for spikes. What it says of a step depends on the steps before it alone, so that a
 * resumed run is judged as an uninterrupted one. It decides nothing: the loop does (see rollbacks.ts).
 */
import { userError } from "../errors.ts";

/** What counts as a spike. */
export interface SpikeThresholds {
  /** Steps that a step is compared with; until so many are there, only values that are not finite count. */
  readonly window: number;
  /** A loss more than so many standard deviations above the mean of the window is a spike. */
  readonly lossZScore: number;
  /** The same of the gradient norm; default: it is not judged. */
  readonly gradientNormZScore?: number | undefined;
}

/** What is done about one. */
export type SpikeAction =
  | { readonly action: "stop" }
  | {
      readonly action: "rollback";
      /** State to return to is saved every so many steps. */
      readonly rollbackEverySteps: number;
      /** It returns to the last such step that lies at least so many before the spike. */
      readonly rewindSteps: number;
      /** The batches of at least so many steps, from there on, are left out; those up to the spike always are. */
      readonly skipSteps: number;
      /** One more spike stops the run. */
      readonly maxRollbacks: number;
    };

export type LossGuardConfig = SpikeThresholds & SpikeAction;

/** Throws `TRAINING_INVALID`. */
export function checkLossGuard(config: LossGuardConfig): void {
  const check = (field: string, value: number, valid: boolean, rule: string) => {
    if (!valid) throw userError("TRAINING_INVALID", `lossGuard.${field} is ${value}`, `It must be ${rule}.`);
  };
  const count = (field: string, value: number, least: number) => {
    check(field, value, Number.isSafeInteger(value) && value >= least, `a whole number, at least ${least}`);
  };
  count("window", config.window, 2);
  check("lossZScore", config.lossZScore, config.lossZScore > 0, "above 0");
  const { gradientNormZScore = 1 } = config;
  check("gradientNormZScore", gradientNormZScore, gradientNormZScore > 0, "above 0");
  if (config.action === "stop") return;
  count("rollbackEverySteps", config.rollbackEverySteps, 1);
  count("rewindSteps", config.rewindSteps, 1);
  count("skipSteps", config.skipSteps, 1);
  count("maxRollbacks", config.maxRollbacks, 1);
}

export interface Measured {
  readonly loss: number;
  readonly gradientNorm: number;
}

/** The window: of the newest steps, oldest first. Part of a checkpoint. */
export interface GuardWindow {
  readonly losses: readonly number[];
  readonly gradientNorms: readonly number[];
}

export const emptyWindow: GuardWindow = { losses: [], gradientNorms: [] };

/** Why a step is refused, as part of a sentence; undefined where it is not. */
export function judge(
  { loss, gradientNorm }: Measured,
  { losses, gradientNorms }: GuardWindow,
  thresholds: SpikeThresholds | undefined,
): string | undefined {
  if (!Number.isFinite(loss) || !Number.isFinite(gradientNorm))
    return `loss ${loss} and gradient norm ${gradientNorm}`;
  if (thresholds === undefined || losses.length < thresholds.window) return undefined;
  const { lossZScore, gradientNormZScore = Infinity } = thresholds;
  return (
    excess("loss", loss, losses, lossZScore) ??
    excess("gradient norm", gradientNorm, gradientNorms, gradientNormZScore)
  );
}

/** `window` with one more step, of which the newest `size` stay. */
export const extendWindow = (
  { losses, gradientNorms }: GuardWindow,
  { loss, gradientNorm }: Measured,
  size: number,
): GuardWindow => ({
  losses: [...losses, loss].slice(-size),
  gradientNorms: [...gradientNorms, gradientNorm].slice(-size),
});

/** As llm.c's outlier detector (llmc/outlier_detector.h), but that the value itself is not among those it is compared with. */
function excess(what: string, value: number, window: readonly number[], limit: number): string | undefined {
  const z = zScore(value, window);
  if (z <= limit) return undefined;
  return `${what} ${value}, ${z.toFixed(1)} standard deviations above the last ${window.length} steps (allowed: ${limit})`;
}

/** (x − mean) / standard deviation of the window; values that are all alike judge nothing: 0. */
export function zScore(value: number, window: readonly number[]): number {
  const mean = window.reduce((sum, x) => sum + x, 0) / window.length;
  const variance = window.reduce((sum, x) => sum + (x - mean) ** 2, 0) / window.length;
  return variance === 0 ? 0 : (value - mean) / Math.sqrt(variance);
}
