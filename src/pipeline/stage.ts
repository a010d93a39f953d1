/**
 * What a stage is: named, typed inputs and outputs, validated params, and the function that does the work.
 * A definition is inert; the runner decides whether, where and when `run` is called.
 */
import type { Json, JsonObject } from "../std/json.ts";
import type { ArtifactMap, KindOf, OutputSlot, ValueOf, WriterOf, Written } from "./artifact.ts";
import type { InferOutput, StandardSchema } from "./standard-schema.ts";

export interface Progress {
  readonly done: number;
  /** Absent where the end is not known. */
  readonly total?: number;
  readonly unit: "steps" | "bytes" | "documents" | "tokens";
  /** What is being done now, e.g. `encoding zh`. */
  readonly message?: string;
  /** Current figures, e.g. loss, learningRate, tokensPerSecond. */
  readonly metrics?: Readonly<Record<string, number>>;
}

export interface StageContext {
  /** Aborted on interrupt: write a checkpoint, then throw; the next run resumes. */
  readonly signal: AbortSignal;
  readonly log: (message: string) => void;
  readonly progress: (progress: Progress) => void;
  /**
   * Tells the runner that a checkpoint is safely on disk. With `keep`, paths below `checkpointDirectory` from which a
   * longer execution could go on after this one is finished; the runner keeps them (see `Stage.extension`).
   */
  readonly checkpointed: (step: number, keep?: readonly string[]) => void;
  /**
   * What people should know of how the result came about, e.g. that it went on under other circumstances: kept with the
   * execution and told by its lineage, unless all that was made since is lost again. One line of at most 300 characters.
   */
  readonly remark: (text: string) => void;
  /** Belongs to this fingerprint; survives kills; removed when the stage commits. */
  readonly checkpointDirectory: string;
  /** Shared by all runs; for content that is verified by digest. Never part of a result. */
  readonly downloadsDirectory: string;
}

export interface Resources {
  /** CPU slots; default 1. */
  readonly cpus?: number;
  readonly memoryBytes?: number;
  /** Accelerators used where the machine has any. The process of a stage that asks for some keeps its memory for tensors. */
  readonly accelerators?: number;
  /** Of one slice of the stage as a job of a cluster; default: as settings.yaml says. Local runs have no limit. */
  readonly timeLimitMs?: number;
}

/**
 * How a finished execution can be continued by a longer one, with the result that the longer one would have had
 * from the start.
 */
export interface Extension<Params> {
  /** Params that may differ between the two, e.g. `steps`. */
  readonly params: readonly (keyof Params & string)[];
  /** How many steps from the beginning are the same under both; 0: none. */
  readonly sharedSteps: (earlier: Params, later: Params) => number;
}

/** When a stage that failed is started again by itself. Each try goes on from the last checkpoint. */
export interface Retry {
  /** Tries in all, the first one included. */
  readonly attempts: number;
  /** Milliseconds before the second try, doubled before each further one. */
  readonly backoffMs: number;
  /** The longest pause in milliseconds; default ten minutes. */
  readonly maxBackoffMs?: number;
  /** Codes of the errors that may pass; default: all. A mistake of the user's is never tried again. */
  readonly codes?: readonly string[];
}

export interface RunArguments<I extends ArtifactMap, O extends ArtifactMap, Params> {
  readonly inputs: { readonly [K in keyof I]: ValueOf<I[K]> };
  readonly outputs: { readonly [K in keyof O]: OutputSlot<KindOf<O[K]>, WriterOf<O[K]>> };
  readonly params: Params;
  readonly context: StageContext;
}

export type RunResult<O extends ArtifactMap> = { readonly [K in keyof O]: Written<KindOf<O[K]>> };

export interface Stage<I extends ArtifactMap, O extends ArtifactMap, P extends StandardSchema> {
  readonly name: string;
  /** One sentence for `pipeline graph` and help texts. */
  readonly description: string;
  readonly inputs: I;
  readonly outputs: O;
  readonly params: P;
  /** Params that never change the result (log interval, worker count): not in the fingerprint. */
  readonly runtimeParams?: readonly (keyof InferOutput<P> & string)[];
  /** Params with the role *extends*: raising them goes on from a finished execution instead of starting anew. */
  readonly extension?: Extension<InferOutput<P>>;
  /** Also as its params have it, e.g. an accelerator for each device. */
  readonly resources?: Resources | ((params: InferOutput<P>) => Resources);
  /** Only for stages whose failures may pass by themselves; without it a failure ends the stage. */
  readonly retry?: Retry;
  /**
   * Milliseconds of one slice, after which it is asked for a checkpoint, then killed. On this machine: jobs of a
   * cluster have the time limit of settings.yaml.
   */
  readonly timeoutMs?: number;
  /** Facts about the machine that decide the result, e.g. which engine trains. Cheap: asked at every plan. */
  readonly environment?: Readonly<Record<string, () => Promise<Json>>>;
  /** Files and folders that the stage reads beside its inputs: their content is in the fingerprint. Relative to the project. */
  readonly files?: (params: InferOutput<P>) => readonly string[];
  readonly run: (args: RunArguments<I, O, InferOutput<P>>) => Promise<RunResult<O>>;
}

export const defineStage = <I extends ArtifactMap, O extends ArtifactMap, P extends StandardSchema>(
  stage: Stage<I, O, P>,
): Stage<I, O, P> => stage;

interface ResourcesByParams {
  // Method syntax, as in AnyStage.
  of(params: JsonObject): Resources;
}

export const resourcesOf = (
  { resources = {} }: Pick<AnyStage, "resources">,
  params: JsonObject,
): Resources => (typeof resources === "function" ? resources(params) : resources);

/** A stage as the runner holds it, its types erased. */
export interface AnyStage {
  readonly name: string;
  readonly description: string;
  readonly inputs: ArtifactMap;
  readonly outputs: ArtifactMap;
  readonly params: StandardSchema;
  readonly runtimeParams?: readonly string[];
  readonly resources?: Resources | ResourcesByParams["of"];
  readonly retry?: Retry;
  readonly timeoutMs?: number;
  readonly environment?: Readonly<Record<string, () => Promise<Json>>>;
  readonly extension?: {
    readonly params: readonly string[];
    sharedSteps(earlier: JsonObject, later: JsonObject): number;
  };
  // Method syntax: parameters are compared bivariantly, which is what erasing the types needs.
  files?(params: JsonObject): readonly string[];
  run(args: RunArguments<ArtifactMap, ArtifactMap, JsonObject>): Promise<RunResult<ArtifactMap>>;
}
