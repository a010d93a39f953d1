/**
 * A project as a session works on it: its pipeline wired with a recipe, its compiled code and its store. What
 * commands do takes one of these; `openSession` (session.ts) makes it.
 */
import { digestLocalFiles } from "../hashing/local-files.ts";
import type { LoadedConfig } from "../pipeline/config-load.ts";
import type { Pipeline, ResolvedPipeline, StageInstance } from "../pipeline/define-pipeline.ts";
import { pathOf } from "../std/path-of.ts";
import type { Store } from "../store/store.ts";
import { Checkpoints } from "./checkpoints.ts";
import type { CompiledManifest } from "./compiled.ts";
import { Continuations } from "./continuations.ts";
import { makePlan, type FullPlan, type PlanReads } from "./plan.ts";
import { historyOf } from "./predict.ts";
import { makeRecipes, type DigestFiles, type Recipe } from "./recipe.ts";
import type { SessionOptions } from "./session-types.ts";
import type { Settings } from "./settings.ts";
import { findStoppedWork } from "./stopped-work.ts";
import { Secrets } from "./secrets.ts";
import { refuseUncached, selectStages, type Selection } from "./selection.ts";
import { targetIndex } from "./targets.ts";

export interface ProjectParts {
  readonly options: SessionOptions;
  readonly manifest: CompiledManifest;
  readonly definition: Pipeline;
  readonly resolved: ResolvedPipeline;
  readonly config: LoadedConfig;
  readonly settings: Settings;
  readonly store: Store;
}

export class OpenProject {
  readonly parts: ProjectParts;
  readonly checkpoints: Checkpoints;
  readonly continuations: Continuations;
  readonly secrets: Secrets;

  constructor(parts: ProjectParts) {
    this.parts = parts;
    this.checkpoints = new Checkpoints(parts.store.directory);
    this.continuations = new Continuations(parts.store.directory);
    this.secrets = new Secrets({ ...process.env, ...this.env });
  }

  /** What planning may look at. History is read once, when the first stage that is no hit asks. */
  get reads(): PlanReads {
    const { checkpoints, continuations, store, parts } = this;
    let history: ReturnType<typeof historyOf> | undefined;
    return {
      index: store,
      checkpoint: (fingerprint) => checkpoints.read(fingerprint),
      continuationSteps: (fingerprint) => continuations.steps(fingerprint),
      stopped: () => findStoppedWork(checkpoints, store),
      paramsPath: (stageId) => paramsPath(parts, stageId),
      past: (stageId) => (history ??= historyOf(store.executions())).get(stageId) ?? [],
    };
  }

  get store(): Store {
    return this.parts.store;
  }

  get projectRoot(): string {
    return this.parts.options.projectRoot;
  }

  /** Of the stage processes. */
  get env(): Readonly<Record<string, string | undefined>> {
    return this.parts.options.env ?? process.env;
  }

  /** The recipe's file, relative to the project. */
  get config(): string {
    return this.parts.config.file;
  }

  /**
   * `targets`: none is everything. Throws `SECRET_IN_RECIPE`, the errors of selection.ts, and `NEEDED_NOT_CACHED`
   * where a selection leaves out what must run first.
   */
  async plan(targets: readonly string[] = [], selection: Selection = {}): Promise<FullPlan> {
    const { resolved } = this.parts;
    const { ids, forced, mustBeCached } = selectStages(resolved, targets, selection);
    const recipes = await this.recipes(resolved.stages.filter(({ id }) => ids.has(id)));
    const full = await makePlan({ pipeline: resolved.name, targets, recipes, forced }, this.reads);
    refuseUncached(full.plan, mustBeCached);
    return full;
  }

  /** Of these stages. Files that they name are hashed where their stats changed. Throws what makeRecipes throws. */
  recipes(stages: readonly StageInstance[] = this.parts.resolved.stages): Promise<readonly Recipe[]> {
    return makeRecipes(stages, this.parts.manifest, this.digestFiles, this.secrets);
  }

  readonly digestFiles: DigestFiles = (path) => digestLocalFiles(this.projectRoot, path, this.store.stats);

  /** Ids of the stages that targets name, without what they need. Throws `UNKNOWN_TARGET`. */
  idsOf(targets: readonly string[]): ReadonlySet<string> {
    return new Set(targetIndex(this.parts.resolved)(targets));
  }
}

function paramsPath({ resolved, config }: ProjectParts, stageId: string): string | undefined {
  const instance = resolved.stages.find(({ id }) => id === stageId);
  const path = instance && pathOf(instance.params, config.value);
  return path === undefined || path.length === 0 ? undefined : path.join(".");
}
