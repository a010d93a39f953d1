/**
 * A stage of the pipeline with everything that decides its result, except the inputs' contents: params parsed
 * and split by role, formats, source, packages and environment facts.
 */
import { userError } from "../errors.ts";
import type { ArtifactFormat } from "../hashing/fingerprint.ts";
import type { SourceFacts } from "../hashing/source-digest.ts";
import type { ArtifactMap } from "../pipeline/artifact.ts";
import type { StageInstance } from "../pipeline/define-pipeline.ts";
import { resourcesOf, type AnyStage, type Resources, type Retry } from "../pipeline/stage.ts";
import type { StandardIssue } from "../pipeline/standard-schema.ts";
import type { Json, JsonObject } from "../std/json.ts";
import type { CompiledManifest, CompiledStage } from "./compiled.ts";
import type { Secrets } from "./secrets.ts";

export interface RecipeInput extends Readonly<ArtifactFormat> {
  readonly stageId: string;
  readonly output: string;
}

/** A file or folder of the project that a stage reads. */
export interface LocalFile {
  /** As the stage names it. */
  readonly path: string;
  readonly digest: string | null;
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
  /** How a finished execution may be gone on with. */
  readonly extension?: NonNullable<AnyStage["extension"]>;
  readonly resources: Resources;
  readonly retry: Retry | undefined;
  readonly timeoutMs: number | undefined;
  /** Files and folders that the stage reads beside its inputs; their digests are in the environment. */
  readonly localFiles: readonly LocalFile[];
  readonly code: Pick<CompiledStage, "module" | "exportName">;
  /** Ids of the stages whose outputs it reads. */
  readonly needs: readonly string[];
}

/** Of a file or folder, relative to the project; null where there is nothing. */
export type DigestFiles = (path: string) => Promise<string | null>;

/** In the order of the instances. Throws `PARAM_INVALID`, `STAGE_WITHOUT_FILE` and `SECRET_IN_RECIPE`. */
export async function makeRecipes(
  instances: readonly StageInstance[],
  manifest: CompiledManifest,
  digestFiles: DigestFiles,
  secrets: Pick<Secrets, "refuse">,
): Promise<readonly Recipe[]> {
  const compiled = new Map(manifest.stages.map((stage) => [stage.name, stage]));
  const facts = new Map<() => Promise<Json>, Promise<Json>>();
  /** Stages share facts, e.g. the engine's: each is asked once. */
  const ask = (fact: () => Promise<Json>): Promise<Json> => {
    const answer = facts.get(fact) ?? fact();
    facts.set(fact, answer);
    return answer;
  };
  const recipes = await Promise.all(
    instances.map((instance) => makeRecipe(instance, compiled, ask, digestFiles)),
  );
  for (const { id, params, environment } of recipes) {
    secrets.refuse(`stage ${id}, param`, params);
    secrets.refuse(`stage ${id}, environment fact`, environment);
  }
  return recipes;
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
  const localFiles = await Promise.all(
    (stage.files?.(params) ?? []).map(async (path): Promise<LocalFile> => ({
      path,
      digest: await digestFiles(path),
    })),
  );
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
    environment: Object.fromEntries([
      ...(await Promise.all(facts.map(async ([name, fact]) => [name, await fact] as const))),
      ...localFiles.map(({ path, digest }) => [`content of ${path}`, digest] as const),
    ]),
    ...(stage.extension ? { extension: stage.extension } : {}),
    resources: resourcesOf(stage, params),
    retry: stage.retry,
    timeoutMs: stage.timeoutMs,
    localFiles,
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
