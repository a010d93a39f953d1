/** What authors of stages and pipelines import. */
export { anyOf, artifact, type ArtifactType, type OutputSlot, type Written } from "./artifact.ts";
export {
  definePipeline,
  type Pipeline,
  type PipelineBuilder,
  type PipelineOptions,
} from "./define-pipeline.ts";
export type { MatrixEntry, Variant } from "./matrix.ts";
export type { Ref, RefOf } from "./ref.ts";
export {
  defineStage,
  type Extension,
  type Progress,
  type Resources,
  type Retry,
  type Stage,
  type StageContext,
} from "./stage.ts";
