/** Axis ticks at round numbers. Source: Heckbert, "Nice Numbers for Graph Labels", Graphics Gems (1990). */

export interface Axis {
  readonly low: number;
  readonly high: number;
  readonly ticks: readonly number[];
  /** Distance between two ticks. */
  readonly step: number;
}

/** The smallest of 1, 2, 5 times a power of ten that is at least `rough`. */
function niceStep(rough: number): number {
  const power = 10 ** Math.floor(Math.log10(rough));
  const fraction = rough / power;
  // A hair of tolerance: 0.2 / 0.1 is 2.0000000000000004 in some orders of evaluation.
  const nice = [1, 2, 5, 10].find((candidate) => fraction <= candidate * (1 + 1e-9)) ?? 10;
  return nice * power;
}

/**
 * Ticks that cover [low, high] in at most `maxTicks` intervals. The axis ends at the outer ticks when `loose`
 * (a value axis), else at the data (a step axis, which should not end in emptiness).
 */
export function axis(low: number, high: number, maxTicks: number, loose: boolean): Axis {
  if (!Number.isFinite(low) || !Number.isFinite(high)) throw new RangeError("an axis needs finite ends");
  const distinct = high - low > 1e-9 * Math.max(Math.abs(low), Math.abs(high));
  const [from, to] = distinct ? [low, high] : widen(low);
  const step = niceStep((to - from) / maxTicks);
  const first = loose ? Math.floor(from / step + 1e-9) : Math.ceil(from / step - 1e-9);
  const last = loose ? Math.ceil(to / step - 1e-9) : Math.floor(to / step + 1e-9);
  const ticks = Array.from({ length: Math.max(0, last - first + 1) }, (_, index) =>
    exact((first + index) * step),
  );
  return { low: loose ? exact(first * step) : from, high: loose ? exact(last * step) : to, ticks, step };
}

/** A single value (or several that twelve digits hardly tell apart) still needs an interval around it. */
function widen(value: number): [number, number] {
  const margin = value === 0 ? 1 : Math.abs(value) * 0.5;
  return [value - margin, value + margin];
}

/** 3 × 0.1 is 0.30000000000000004; twelve digits are more than a label shows. Never −0. */
function exact(value: number): number {
  return Number(value.toPrecision(12)) + 0;
}
