/** Which stages a run is about: targets by name, and all that they need. */
import { userError } from "../errors.ts";
import type { ResolvedPipeline } from "../pipeline/define-pipeline.ts";
import { nearest } from "../std/nearest.ts";

/**
 * Ids of the selected stages. A target is a stage id, else a pipeline output, else a stage name (all its
 * instances); none selects everything. Throws `UNKNOWN_TARGET`.
 */
export function selectStages(pipeline: ResolvedPipeline, targets: readonly string[]): ReadonlySet<string> {
  const byId = new Map(pipeline.stages.map((stage) => [stage.id, stage]));
  const selected = new Set(
    targets.length === 0 ? byId.keys() : targets.flatMap((target) => stagesOf(pipeline, target)),
  );
  // A set that grows while it is walked: what was added is walked too.
  for (const id of selected)
    for (const { stageId } of Object.values(byId.get(id)?.inputs ?? {})) selected.add(stageId);
  return selected;
}

/** Throws `UNKNOWN_TARGET`, naming near matches and everything that could be meant. */
export function stagesOf(pipeline: ResolvedPipeline, target: string): string[] {
  const ids = pipeline.stages.map(({ id }) => id);
  if (ids.includes(target)) return [target];
  const output = pipeline.outputs[target];
  if (output) return [output.stageId];
  const named = pipeline.stages.filter(({ stage }) => stage.name === target).map(({ id }) => id);
  if (named.length > 0) return named;
  const targets = [...new Set([...ids, ...Object.keys(pipeline.outputs)])];
  const near = nearest(target, targets);
  throw userError(
    "UNKNOWN_TARGET",
    `${target} is no stage and no output of pipeline ${pipeline.name}; there are: ${targets.join(", ")}`,
    near === undefined ? "pipeline graph" : `did you mean ${near}?`,
  );
}
