/** What stands behind a stage's reasons: the stages above it that run, each with its own; or what was found equal. */
import type { StagePlan } from "./plan.ts";
import type { ComparedParts, UpstreamRun } from "./why-types.ts";

/** All stages above `stage` that will run, in topological order: where its `upstream-runs` come from. */
export function upstreamRuns(stage: StagePlan, stages: readonly StagePlan[]): UpstreamRun[] {
  const byId = new Map(stages.map((each) => [each.recipe.id, each]));
  // A set that grows while it is walked: what was added is walked too.
  const above = new Set(stage.recipe.needs);
  for (const id of above)
    if (byId.get(id)?.hit === undefined) byId.get(id)?.recipe.needs.forEach((need) => above.add(need));
  return stages
    .filter(({ recipe, hit }) => above.has(recipe.id) && hit === undefined)
    .map(({ recipe, planned }) => ({
      id: recipe.id,
      reasons: planned.reasons,
      inputs: Object.fromEntries(Object.entries(recipe.inputs).map(([name, { stageId }]) => [name, stageId])),
    }));
}

/** How much of a recipe a fingerprint compares. */
export const comparedParts = ({ recipe }: StagePlan): ComparedParts => ({
  params: Object.keys(recipe.identityParams).length,
  inputs: Object.keys(recipe.inputs).length,
  sourceFiles: Object.keys(recipe.source.files).length,
  packages: Object.keys(recipe.source.packages).length,
  environment: Object.keys(recipe.environment).length,
});
