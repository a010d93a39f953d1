/**
 * How fast a stage goes and when it ends, from its progress events alone. The rate is an exponentially
 * weighted mean over time, so that it follows a change within half a minute and does not flicker.
 */
import type { Progress } from "../../pipeline/stage.ts";

export interface Rate {
  /** What is being counted; another phase starts a new rate. */
  readonly phase: string;
  readonly at: number;
  readonly done: number;
  /** Weighted units and weighted milliseconds: their quotient is the rate. 0 ms: not known yet. */
  readonly units: number;
  readonly milliseconds: number;
}

/** After this time an observation weighs 1/e. */
const memoryMs = 15_000;

/** `at`: milliseconds since the epoch. */
export function observeRate(before: Rate | undefined, progress: Progress, at: number): Rate {
  const { done, total, unit, message } = progress;
  const phase = JSON.stringify([unit, total ?? null, message ?? null]);
  // The first report only sets the starting point: a resumed stage does not begin at zero.
  if (before === undefined || before.phase !== phase || done < before.done)
    return { phase, at, done, units: 0, milliseconds: 0 };
  const elapsed = Math.max(0, at - before.at);
  const kept = Math.exp(-elapsed / memoryMs);
  return {
    phase,
    at,
    done,
    units: before.units * kept + (done - before.done),
    milliseconds: before.milliseconds * kept + elapsed,
  };
}

/** Units per second; undefined until two reports have come. */
export function unitsPerSecond(rate: Rate | undefined): number | undefined {
  if (rate === undefined || rate.milliseconds === 0 || rate.units === 0) return undefined;
  return (rate.units / rate.milliseconds) * 1000;
}

/** Undefined where the end or the rate is not known. */
export function timeLeftMs(rate: Rate | undefined, progress: Progress, now: number): number | undefined {
  const perSecond = unitsPerSecond(rate);
  if (rate === undefined || perSecond === undefined || progress.total === undefined) return undefined;
  const left = ((progress.total - progress.done) / perSecond) * 1000;
  return Math.max(0, left - Math.max(0, now - rate.at));
}
