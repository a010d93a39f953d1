/**
 * The DAG as authors write it: calls that add stages and pass refs on, so a cycle cannot be written. A
 * definition is inert: `resolvePipeline` calls `wire` with a validated config and gives plain data.
 */
import { userError } from "../errors.ts";
import type { JsonObject } from "../std/json.ts";
import { variantSuffix } from "../std/variant-id.ts";
import type { ArtifactMap } from "./artifact.ts";
import { listVariants, type Axes, type MatrixEntry, type Variant } from "./matrix.ts";
import type { Ref, RefsOf } from "./ref.ts";
import type { AnyStage, Stage } from "./stage.ts";
import type { InferInput, InferOutput, StandardSchema } from "./standard-schema.ts";

export interface Wiring<I extends ArtifactMap, P extends StandardSchema> {
  /** Default: the stage's name. Needed where one stage is added more than once. */
  readonly id?: string;
  readonly inputs: NoInfer<RefsOf<I>>;
  readonly params: NoInfer<InferInput<P>>;
}

export interface PipelineBuilder {
  add<I extends ArtifactMap, O extends ArtifactMap, P extends StandardSchema>(
    stage: Stage<I, O, P>,
    wiring: Wiring<I, P>,
  ): RefsOf<O>;
  /**
   * Wires the same stages once for every combination of the axes' values, e.g. learning rates and seeds. Stages
   * added through the builder that `wire` is given get the combination into their ids:
   * `pretrain@learningRate=0.001,seed=1`. Throws `MATRIX_INVALID`.
   */
  matrix<const A extends Axes, R>(
    axes: A,
    wire: (builder: PipelineBuilder, variant: Variant<A>) => R,
  ): readonly MatrixEntry<A, R>[];
}

export type Presenters = Readonly<Record<string, (directory: string) => Promise<void>>>;

export interface PipelineOptions {
  /** Recipe used where none is named, relative to the project root. */
  readonly defaultConfig?: string;
  /**
   * What the pipeline needs before it can be planned, e.g. an engine to be installed. Called by `run` only.
   * `report` says what is happening; throw a `PipelineError` where it cannot be had.
   */
  readonly prepare?: (report: (message: string) => void, signal: AbortSignal) => Promise<void>;
  /**
   * By artifact kind: adds files for people, such as a plot, to the copy in artifacts/. Never part of an
   * artifact, so a change here reruns nothing; it shows when the copy is next made.
   */
  readonly present?: Presenters;
}

export interface Pipeline {
  readonly name: string;
  readonly config: StandardSchema;
  readonly options: PipelineOptions;
  /** Takes what `config` validated. */
  wire(builder: PipelineBuilder, config: unknown): Readonly<Record<string, Ref<string>>>;
}

export interface StageInstance {
  readonly id: string;
  readonly stage: AnyStage;
  readonly inputs: Readonly<Record<string, { readonly stageId: string; readonly output: string }>>;
  /** As wired, before the stage's own schema parsed it. */
  readonly params: JsonObject;
}

export interface ResolvedPipeline {
  readonly name: string;
  /** In the order they were added, which is a topological order. */
  readonly stages: readonly StageInstance[];
  readonly outputs: Readonly<Record<string, { readonly stageId: string; readonly output: string }>>;
}

export function definePipeline<C extends StandardSchema>(
  name: string,
  config: C,
  wire: (builder: PipelineBuilder, config: InferOutput<C>) => Readonly<Record<string, Ref<string>>>,
  options: PipelineOptions = {},
): Pipeline {
  return { name, config, wire, options };
}

/** Throws `DUPLICATE_STAGE` where two stages have one id, and `MATRIX_INVALID`. */
export function resolvePipeline(pipeline: Pipeline, config: unknown): ResolvedPipeline {
  const stages = new Map<string, StageInstance>();
  const outputs = pipeline.wire(createBuilder(stages, {}), config);
  return { name: pipeline.name, stages: [...stages.values()], outputs };
}

/** `variant`: of the matrices that the builder stands in; it becomes part of the ids. */
function createBuilder(stages: Map<string, StageInstance>, variant: Variant<Axes>): PipelineBuilder {
  return {
    add(stage, { id: plainId = stage.name, inputs, params }) {
      const id = `${plainId}${variantSuffix(variant)}`;
      if (stages.has(id))
        throw userError(
          "DUPLICATE_STAGE",
          `two stages have the id ${id}`,
          `give one of them another: p.add(${stage.name}, { id: "…", … })`,
        );
      stages.set(id, { id, stage: stage as unknown as AnyStage, inputs, params: params as JsonObject });
      const refs = Object.keys(stage.outputs).map((output) => [output, { stageId: id, output }]);
      return Object.fromEntries(refs) as RefsOf<typeof stage.outputs>;
    },
    matrix: (axes, wire) =>
      listVariants(axes).map((own) => ({
        variant: own,
        result: wire(createBuilder(stages, { ...variant, ...own }), own),
      })),
  };
}
