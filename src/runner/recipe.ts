/**
 * A stage of the pipeline with everything that decides its result, except the inputs' contents: params parsed
 * and split by role, formats, source, packages and environment facts.
 */
import { userError } from "../errors.ts";
import type { ArtifactFormat } from "../hashing/fingerprint.ts";
import type { SourceFacts } from "../hashing/source-digest.ts";
import type { ArtifactMap } from "../pipeline/artifact.ts";
import type { StageInstance } from "../pipeline/define-pipeline.ts";
import type { AnyStage, Resources } from "../pipeline/stage.ts";
import type { StandardIssue } from "../pipeline/standard-schema.ts";
import type { Json, JsonObject } from "../std/json.ts";
import type { CompiledManifest, CompiledStage } from "./compiled.ts";

export interface RecipeInput extends Readonly<ArtifactFormat> {
  readonly stageId: string;
  readonly output: string;
}

export interface Recipe {
  readonly id: string;
  readonly name: string;
  readonly description: string;
  readonly inputs: Readonly<Record<string, RecipeInput>>;
  readonly outputs: Readonly<Record<string, ArtifactFormat>>;
  /** Everything that `run` is given. */
  readonly params: JsonObject;
  /** The part that decides the result. */
  readonly identityParams: JsonObject;
  readonly runtimeParams: JsonObject;
  readonly source: SourceFacts;
  readonly environment: Readonly<Record<string, Json>>;
  /** Files and folders that the stage reads beside its inputs, as it names them. */
  readonly localFiles: readonly string[];
  /** How a finished execution may be gone on with. */
  readonly extension?: NonNullable<AnyStage["extension"]>;
  readonly resources: Resources;
  readonly code: Pick<CompiledStage, "module" | "exportName">;
  /** Ids of the stages whose outputs it reads. */
  readonly needs: readonly string[];
}

/** Of a file or folder, relative to the project; null where there is nothing. */
export type DigestFiles = (path: string) => Promise<string | null>;

/** In the order of the instances. Throws `PARAM_INVALID` and `STAGE_WITHOUT_FILE`. */
export async function makeRecipes(
  instances: readonly StageInstance[],
  manifest: CompiledManifest,
  digestFiles: DigestFiles,
): Promise<readonly Recipe[]> {
  const compiled = new Map(manifest.stages.map((stage) => [stage.name, stage]));
  const facts = new Map<() => Promise<Json>, Promise<Json>>();
  /** Stages share facts, e.g. the engine's: each is asked once. */
  const ask = (fact: () => Promise<Json>): Promise<Json> => {
    const answer = facts.get(fact) ?? fact();
    facts.set(fact, answer);
    return answer;
  };
  return Promise.all(instances.map((instance) => makeRecipe(instance, compiled, ask, digestFiles)));
}

async function makeRecipe(
  { id, stage, inputs, params: wired }: StageInstance,
  compiled: ReadonlyMap<string, CompiledStage>,
  ask: (fact: () => Promise<Json>) => Promise<Json>,
  digestFiles: DigestFiles,
): Promise<Recipe> {
  const { source, module, exportName } = compiled.get(stage.name) ?? missingFile(stage.name);
  const result = await stage.params["~standard"].validate(wired);
  if (result.issues) throw invalidParams(id, result.issues);
  const params = result.value as JsonObject;
  const runtime = new Set(stage.runtimeParams ?? []);
  const facts = Object.entries(stage.environment ?? {}).map(([name, fact]) => [name, ask(fact)] as const);
  const localFiles = stage.files?.(params) ?? [];
  const files = localFiles.map((path) => [`content of ${path}`, digestFiles(path)] as const);
  return {
    id,
    name: stage.name,
    description: stage.description,
    inputs: mapValues(inputs, (ref, name) => ({
      stageId: ref.stageId,
      output: ref.output,
      ...formatOf(stage.inputs, name),
    })),
    outputs: mapValues(stage.outputs, (_type, name) => formatOf(stage.outputs, name)),
    params,
    identityParams: pick(params, (key) => !runtime.has(key)),
    runtimeParams: pick(params, (key) => runtime.has(key)),
    source,
    environment: Object.fromEntries(
      await Promise.all([...facts, ...files].map(async ([name, fact]) => [name, await fact] as const)),
    ),
    localFiles,
    ...(stage.extension ? { extension: stage.extension } : {}),
    resources: stage.resources ?? {},
    code: { module, exportName },
    needs: [...new Set(Object.values(inputs).map(({ stageId }) => stageId))],
  };
}

function formatOf(artifacts: ArtifactMap, name: string): ArtifactFormat {
  const type = artifacts[name];
  if (type === undefined) throw new Error(`no artifact type for ${name}`);
  return { kind: type.kind, formatVersion: type.formatVersion };
}

function missingFile(name: string): never {
  throw userError(
    "STAGE_WITHOUT_FILE",
    `the pipeline uses the stage ${name}, which no file in stages/ exports`,
    "give it a file of its own in stages/: a stage process loads that file and nothing else",
  );
}

const invalidParams = (id: string, issues: readonly StandardIssue[]) =>
  userError(
    "PARAM_INVALID",
    issues.map((issue) => `stage ${id}, param ${issuePath(issue)}: ${issue.message}`).join("\n"),
    "what pipeline.ts passes on as params does not fit the stage's schema",
  );

const issuePath = ({ path = [] }: StandardIssue): string =>
  path.map((part) => String(typeof part === "object" ? part.key : part)).join(".");

const pick = (object: JsonObject, keep: (key: string) => boolean): JsonObject =>
  Object.fromEntries(Object.entries(object).filter(([key]) => keep(key)));

const mapValues = <T, U>(
  record: Readonly<Record<string, T>>,
  map: (value: T, key: string) => U,
): Record<string, U> =>
  Object.fromEntries(Object.entries(record).map(([key, value]) => [key, map(value, key)]));
