/**
 * A project as a session works on it: its pipeline wired with a recipe, its compiled code and its store. What
 * commands do takes one of these; `openSession` (session.ts) makes it.
 */
import type { LoadedConfig } from "../pipeline/config-load.ts";
import type { Pipeline, ResolvedPipeline } from "../pipeline/define-pipeline.ts";
import type { Store } from "../store/store.ts";
import { Checkpoints } from "./checkpoints.ts";
import type { CompiledManifest } from "./compiled.ts";
import { makePlan, type FullPlan, type PlanReads } from "./plan.ts";
import { makeRecipes } from "./recipe.ts";
import type { SessionOptions } from "./session-types.ts";
import type { Settings } from "./settings.ts";
import { selectStages, stagesOf } from "./targets.ts";

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
  /** What planning may look at. */
  readonly reads: PlanReads;

  constructor(parts: ProjectParts) {
    this.parts = parts;
    const checkpoints = new Checkpoints(parts.store.directory);
    this.checkpoints = checkpoints;
    this.reads = {
      index: parts.store,
      checkpointStep: (fingerprint) => checkpoints.read(fingerprint).step,
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

  /** `targets`: none is everything. Throws `UNKNOWN_TARGET`. */
  async plan(
    targets: readonly string[] = [],
    force: ReadonlySet<string> = new Set<string>(),
  ): Promise<FullPlan> {
    const { resolved, manifest } = this.parts;
    const selected = selectStages(resolved, targets);
    const recipes = (await makeRecipes(resolved, manifest, this.projectRoot)).filter(({ id }) =>
      selected.has(id),
    );
    return makePlan({ pipeline: resolved.name, targets, recipes, force }, this.reads);
  }

  /** Ids of the stages that targets name, without what they need. Throws `UNKNOWN_TARGET`. */
  idsOf(targets: readonly string[]): ReadonlySet<string> {
    return new Set(targets.flatMap((target) => stagesOf(this.parts.resolved, target)));
  }
}
