/** The pipeline as data for `graph`: stages, their artifacts and what flows where. */
import type { ResolvedPipeline } from "../pipeline/define-pipeline.ts";
import { resourcesOf } from "../pipeline/stage.ts";
import type { GraphReport } from "./session-types.ts";

export function describeGraph({ name, stages, outputs }: ResolvedPipeline): GraphReport {
  return {
    pipeline: name,
    outputs,
    stages: stages.map(({ id, stage, inputs, params }) => ({
      id,
      name: stage.name,
      description: stage.description,
      inputs: Object.fromEntries(
        Object.entries(inputs).map(([input, { stageId, output }]) => {
          const producer = stages.find((each) => each.id === stageId);
          // The kind that flows, not the union of kinds that the input would take.
          const kind = producer?.stage.outputs[output]?.kind ?? stage.inputs[input]?.kind ?? "";
          return [input, { stageId, output, kind }];
        }),
      ),
      outputs: Object.fromEntries(Object.entries(stage.outputs).map(([output, { kind }]) => [output, kind])),
      cpus: resourcesOf(stage, params).cpus ?? 1,
    })),
  };
}
