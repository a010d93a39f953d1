/** Divides a quota over strata by weight, and what one stratum cannot fill over the others. */

export interface StratumDemand {
  readonly name: string;
  /** 0 or more; only the ratio counts. A stratum of weight 0 gets nothing, whatever overflows. */
  readonly weight: number;
  /** What it can give, in the quota's unit; Infinity where that is not known. */
  readonly available: number;
}

/**
 * Water filling: strata that cannot fill their share give all they have, and the rest is divided anew over the
 * others. The parts sum to min(quota, what strata with weight have); none exceeds what its stratum has.
 */
export function allocateQuota(quota: number, strata: readonly StratumDemand[]): Map<string, number> {
  const parts = new Map(strata.map(({ name }) => [name, 0]));
  let open = strata.filter(({ weight, available }) => weight > 0 && available > 0);
  let rest = quota;
  for (;;) {
    const total = open.reduce((sum, { weight }) => sum + weight, 0);
    if (total === 0) return parts;
    const perWeight = rest / total;
    const short = open.filter(({ weight, available }) => available <= weight * perWeight);
    if (short.length === 0) {
      for (const { name, weight } of open) parts.set(name, weight * perWeight);
      return parts;
    }
    for (const { name, available } of short) {
      parts.set(name, available);
      rest -= available;
    }
    rest = Math.max(0, rest); // rounding
    open = open.filter((stratum) => !short.includes(stratum));
  }
}
