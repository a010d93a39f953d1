/** Checkpoints that nobody works on and that no finished execution has made useless, with what they were begun for. */
import type { IndexReads } from "../store/store.ts";
import type { CheckpointRecipe } from "./checkpoint-recipe.ts";
import type { Checkpoints } from "./checkpoints.ts";

export interface StoppedWork extends CheckpointRecipe {
  readonly fingerprint: string;
  /** Of the newest checkpoint. */
  readonly step: number;
  /** How many steps it would be in all, where the stage said so. */
  readonly total?: number;
}

/** Reads the folder of every checkpoint: asked only where a stage must run. */
export function findStoppedWork(
  checkpoints: Checkpoints,
  index: Pick<IndexReads, "execution" | "lockHolder">,
): readonly StoppedWork[] {
  return checkpoints.list().flatMap((fingerprint): StoppedWork[] => {
    const { step, total } = checkpoints.read(fingerprint);
    const begunFor = step === undefined ? undefined : checkpoints.recipe(fingerprint);
    if (step === undefined || begunFor === undefined) return [];
    const finished = index.execution(fingerprint);
    if (finished !== undefined && finished.evictedAt === undefined) return [];
    if (index.lockHolder(fingerprint) !== undefined) return [];
    return [{ ...begunFor, fingerprint, step, ...(total === undefined ? {} : { total }) }];
  });
}
