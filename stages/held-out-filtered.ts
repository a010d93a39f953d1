/** What no stage can see alone: text is kept free of every preference pair that DPO holds out to measure with. */
import type { z } from "zod";

interface HeldOut {
  readonly downloadSample: {
    readonly filters: { readonly decontamination?: { readonly heldOutPreferences: number } | undefined };
  };
  readonly dpo: { readonly heldOutFraction: number };
}

/** A check of the whole recipe. A larger fraction holds out all pairs of a smaller one, so that more may be filtered. */
export function heldOutFiltered({ value, issues }: z.core.ParsePayload<HeldOut>): void {
  const filtered = value.downloadSample.filters.decontamination?.heldOutPreferences;
  const { heldOutFraction } = value.dpo;
  if (filtered === undefined || filtered >= heldOutFraction) return;
  issues.push({
    code: "custom",
    input: heldOutFraction,
    path: ["dpo", "heldOutFraction"],
    message: `${heldOutFraction} is more than downloadSample.filters.decontamination.heldOutPreferences (${filtered}): text may hold pairs that measure`,
  });
}
