/** A recipe as `explain` compares it: as it is now, and as it is kept of work that was begun. */
import { FINGERPRINT_VERSION } from "../hashing/fingerprint.ts";
import type { CurrentRecipe, PastRecipe } from "../lineage/explain.ts";
import type { InputRecord } from "../store/records.ts";
import type { Recipe } from "./recipe.ts";

/** Inputs that are not known yet have no digest. */
export const currentRecipe = (
  recipe: Recipe,
  inputs: Readonly<Record<string, InputRecord>>,
): CurrentRecipe => ({
  stageName: recipe.name,
  params: recipe.identityParams,
  inputs: Object.fromEntries(
    Object.entries(recipe.inputs).map(([name, format]) => [
      name,
      { ...format, digest: inputs[name]?.digest ?? null },
    ]),
  ),
  outputs: recipe.outputs,
  source: recipe.source,
  packages: recipe.source.packages,
  environment: recipe.environment,
});

/** All inputs are known. */
export const pastRecipe = (recipe: Recipe, inputs: Readonly<Record<string, InputRecord>>): PastRecipe => ({
  fingerprintVersion: FINGERPRINT_VERSION,
  stageName: recipe.name,
  params: recipe.identityParams,
  inputs: Object.fromEntries(
    Object.entries(inputs).map(([name, { digest, kind, formatVersion }]) => [
      name,
      { digest, kind, formatVersion },
    ]),
  ),
  outputs: recipe.outputs,
  source: { digest: recipe.source.digest, files: recipe.source.files },
  packages: recipe.source.packages,
  environment: recipe.environment,
});
