/** Which finished execution a longer one can go on from, and from which of its steps. */
import type { ExtendedFrom } from "../store/records.ts";
import type { IndexReads } from "../store/store.ts";
import type { Recipe } from "./recipe.ts";

export interface ExtensionReads {
  readonly index: Pick<IndexReads, "family" | "execution">;
  /** Steps of which a finished execution left a checkpoint. */
  readonly continuationSteps: (fingerprint: string) => readonly number[];
}

/** The furthest step that this recipe would reach with the same state; of equal ones, the first by fingerprint. */
export function findExtension(
  recipe: Recipe,
  family: string,
  reads: ExtensionReads,
): ExtendedFrom | undefined {
  let best: ExtendedFrom | undefined;
  for (const fingerprint of reads.index.family(family)) {
    const earlier = reads.index.execution(fingerprint);
    const steps = reads.continuationSteps(fingerprint);
    // Behind an evicted one, what it left goes at any moment.
    if (earlier === undefined || earlier.evictedAt !== undefined || steps.length === 0) continue;
    const shared = recipe.extension?.sharedSteps(
      { ...earlier.params, ...earlier.runtimeParams },
      recipe.params,
    );
    for (const step of steps)
      if (step <= (shared ?? 0) && step > (best?.step ?? 0)) best = { fingerprint, step };
  }
  return best;
}
