/**
 * Learning rates by step, as pure functions. Steps count from 1; the first warmup step is already above zero and
 * the last step of a decaying schedule has the final rate.
 */
import { userError } from "../errors.ts";

interface Warmup {
  /** Highest rate. */
  readonly peak: number;
  /** Steps of linear warmup: step w of W has peak·w/W. */
  readonly warmupSteps: number;
}

export type Schedule =
  | ({ readonly kind: "constant" } & Warmup)
  /** Half a cosine from the peak to `final` (default 0) (Loshchilov & Hutter 2017, arXiv:1608.03983, eq. 5 without restarts). */
  | ({ readonly kind: "cosine"; readonly totalSteps: number; readonly final?: number } & Warmup)
  /**
   * Warmup–stable–decay (Hu et al. 2024, arXiv:2404.06395): the peak until `decaySteps` before the end, then down to
   * `final` (default 0), linearly as in SmolLM2 or by 1 − √x as in SmolLM (Hägele et al. 2024, arXiv:2405.18392).
   */
  | ({
      readonly kind: "warmupStableDecay";
      readonly totalSteps: number;
      readonly decaySteps: number;
      readonly decay: "linear" | "oneMinusSqrt";
      readonly final?: number;
    } & Warmup);

/** Throws `SCHEDULE_INVALID` where the parts do not fit the whole. */
export function checkSchedule(schedule: Schedule): void {
  const fail = (message: string) => userError("SCHEDULE_INVALID", `learning rate schedule: ${message}`);
  const { peak, warmupSteps } = schedule;
  if (!(peak > 0 && Number.isFinite(peak))) throw fail(`peak is ${peak}, not a positive number`);
  if (!Number.isInteger(warmupSteps) || warmupSteps < 0) throw fail(`warmupSteps is ${warmupSteps}`);
  if (schedule.kind === "constant") return;
  const final = schedule.final ?? 0;
  if (!(final >= 0 && final <= peak)) throw fail(`final is ${final}, not between 0 and the peak`);
  const decaySteps = schedule.kind === "cosine" ? 0 : schedule.decaySteps;
  if (!Number.isInteger(decaySteps) || decaySteps < 0) throw fail(`decaySteps is ${decaySteps}`);
  if (warmupSteps + decaySteps > schedule.totalSteps)
    throw fail(
      `${warmupSteps} steps of warmup and ${decaySteps} of decay exceed the ${schedule.totalSteps} in all`,
    );
}

/** The rate of step `step`, counted from 1. */
export function learningRateAt(schedule: Schedule, step: number): number {
  const { peak, warmupSteps } = schedule;
  if (step < warmupSteps) return (peak * step) / warmupSteps;
  if (schedule.kind === "constant") return peak;
  const { totalSteps, final = 0 } = schedule;
  const decaySteps = schedule.kind === "cosine" ? totalSteps - warmupSteps : schedule.decaySteps;
  const decayed = step - (totalSteps - decaySteps);
  if (decayed <= 0 || decaySteps === 0) return peak;
  const progress = Math.min(1, decayed / decaySteps);
  return final + (peak - final) * remaining(schedule, progress);
}

/**
 * How many steps from the beginning have the same rates under both: a state after any of them lies on the way of
 * either, if all else is equal.
 */
export function sharedSteps(
  one: { readonly schedule: Schedule; readonly totalSteps: number },
  other: { readonly schedule: Schedule; readonly totalSteps: number },
): number {
  const shorter = Math.min(one.totalSteps, other.totalSteps);
  let step = 0;
  while (
    step < shorter &&
    learningRateAt(one.schedule, step + 1) === learningRateAt(other.schedule, step + 1)
  )
    step++;
  return step;
}

/** The last step whose rate would be the same in a longer run; undefined where the whole length decides every rate. */
export function lastExtendableStep(schedule: Schedule, totalSteps: number): number | undefined {
  if (schedule.kind === "cosine") return undefined;
  return schedule.kind === "constant" ? totalSteps : schedule.totalSteps - schedule.decaySteps;
}

/** What is left of the peak after a share `progress` of the decay: 1 at 0, 0 at 1. */
function remaining(schedule: Exclude<Schedule, { kind: "constant" }>, progress: number): number {
  if (schedule.kind === "cosine") return (1 + Math.cos(Math.PI * progress)) / 2;
  return schedule.decay === "linear" ? 1 - progress : 1 - Math.sqrt(progress);
}
