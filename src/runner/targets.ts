/** Stages by the names that people call them. */
import { userError } from "../errors.ts";
import type { ResolvedPipeline } from "../pipeline/define-pipeline.ts";
import { nearest } from "../std/nearest.ts";
import { isVariantOf } from "../std/variant-id.ts";

/** Ids of the stages that targets name, each once. Throws `UNKNOWN_TARGET`. */
export type TargetIndex = (targets: readonly string[]) => string[];

/**
 * A target is a stage id, else a pipeline output, else a stage name (all its instances), else variants of a matrix:
 * `pretrain@` or `pretrain@seed=1`.
 */
export function targetIndex(pipeline: ResolvedPipeline): TargetIndex {
  const ids = new Set(pipeline.stages.map(({ id }) => id));
  const byName = new Map<string, string[]>();
  for (const { id, stage } of pipeline.stages) {
    const named = byName.get(stage.name);
    if (named === undefined) byName.set(stage.name, [id]);
    else named.push(id);
  }
  const stagesOf = (target: string): readonly string[] => {
    if (ids.has(target)) return [target];
    const output = pipeline.outputs[target];
    if (output) return [output.stageId];
    const variants = pipeline.stages.flatMap(({ id }) => (isVariantOf(id, target) ? [id] : []));
    return byName.get(target) ?? (variants.length > 0 ? variants : unknown(pipeline, target));
  };
  return (targets) => [...new Set(targets.flatMap(stagesOf))];
}

/** Names near matches and everything that could be meant. */
function unknown(pipeline: ResolvedPipeline, target: string): never {
  const targets = [...new Set([...pipeline.stages.map(({ id }) => id), ...Object.keys(pipeline.outputs)])];
  const near = nearest(target, targets);
  throw userError(
    "UNKNOWN_TARGET",
    `${target} is no stage and no output of pipeline ${pipeline.name}; there are: ${targets.join(", ")}`,
    near === undefined ? "npx pipeline graph shows them" : `did you mean ${near}?`,
  );
}
