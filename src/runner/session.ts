/**
 * Opens a project for questions and runs: the one place where pipeline, config, compiled code and store come
 * together. What commands do is done here; what they print is not.
 */
import { randomBytes } from "node:crypto";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { userError } from "../errors.ts";
import { queryLineage } from "../lineage/query.ts";
import { configJsonSchema } from "../pipeline/config-json-schema.ts";
import { loadConfig, type LoadedConfig } from "../pipeline/config-load.ts";
import { resolvePipeline, type Pipeline, type ResolvedPipeline } from "../pipeline/define-pipeline.ts";
import { checkStore } from "../store/check.ts";
import { openStore } from "../store/open-store.ts";
import type { ExecutionRecord } from "../store/records.ts";
import type { Store } from "../store/store.ts";
import { Checkpoints } from "./checkpoints.ts";
import { readManifest, type CompiledManifest } from "./compiled.ts";
import { describeGraph } from "./describe-graph.ts";
import { describeOutputs } from "./describe-outputs.ts";
import { EventLog } from "./event-log.ts";
import { makePlan, type FullPlan, type PlanReads, type StagePlan } from "./plan.ts";
import { makeRecipes } from "./recipe.ts";
import { runPlan } from "./run.ts";
import type {
  ExecutionSummary,
  OpenSession,
  PlanOptions,
  RunOptions,
  RunSummary,
  Session,
  SessionOptions,
  StageStatus,
  WhyReport,
} from "./session-types.ts";
import { selectStages, stagesOf } from "./targets.ts";

/** Throws user errors for a bad config (config-load.ts), `STAGE_WITHOUT_FILE`, `NOT_COMPILED`, `INDEX_UNREADABLE`. */
export const openSession: OpenSession = async (options) => {
  const { projectRoot, compiledDirectory } = options;
  const manifest = readManifest(compiledDirectory);
  const pipeline = await importPipeline(join(compiledDirectory, manifest.pipeline));
  const file = options.configFile ?? pipeline.options.defaultConfig ?? missingConfig();
  const config = await loadConfig({ projectRoot, file, set: options.set, schema: pipeline.config });
  const resolved = resolvePipeline(pipeline, config.value);
  return new OpenedSession({
    options,
    manifest,
    definition: pipeline,
    resolved,
    config,
    store: openStore(projectRoot),
  });
};

async function importPipeline(path: string): Promise<Pipeline> {
  const { default: pipeline } = (await import(pathToFileURL(path).href)) as { default?: Pipeline };
  if (typeof pipeline?.wire === "function") return pipeline;
  throw userError(
    "PIPELINE_NOT_EXPORTED",
    "pipeline.ts has no pipeline as its default export",
    "export default definePipeline(…)",
  );
}

const missingConfig = (): never => {
  throw userError(
    "CONFIG_NOT_NAMED",
    "no recipe was named, and the pipeline has no default one",
    "--config configs/NAME.yaml, or defaultConfig in pipeline.ts",
  );
};

interface Opened {
  readonly options: SessionOptions;
  readonly manifest: CompiledManifest;
  readonly definition: Pipeline;
  readonly resolved: ResolvedPipeline;
  readonly config: LoadedConfig;
  readonly store: Store;
}

class OpenedSession implements Session {
  readonly #opened: Opened;
  readonly #checkpoints: Checkpoints;
  readonly #reads: PlanReads;

  constructor(opened: Opened) {
    this.#opened = opened;
    const checkpoints = new Checkpoints(opened.store.directory);
    this.#checkpoints = checkpoints;
    this.#reads = {
      index: opened.store,
      checkpointStep: (fingerprint) => checkpoints.read(fingerprint).step,
    };
  }

  get pipeline(): string {
    return this.#opened.resolved.name;
  }

  get projectRoot(): string {
    return this.#opened.options.projectRoot;
  }

  get config(): string {
    return this.#opened.config.file;
  }

  async plan(targets: readonly string[] = [], options: PlanOptions = {}) {
    return (await this.#plan(targets, this.#forced(options))).plan;
  }

  async #plan(targets: readonly string[], force: ReadonlySet<string>): Promise<FullPlan> {
    const { resolved, manifest, options } = this.#opened;
    const selected = selectStages(resolved, targets);
    const recipes = (await makeRecipes(resolved, manifest, options.projectRoot)).filter(({ id }) =>
      selected.has(id),
    );
    return makePlan({ pipeline: resolved.name, targets, recipes, force }, this.#reads);
  }

  #forced({ force = [] }: PlanOptions): ReadonlySet<string> {
    return new Set(force.flatMap((target) => stagesOf(this.#opened.resolved, target)));
  }

  async run(targets: readonly string[] = [], options: RunOptions = {}): Promise<RunSummary> {
    const { resolved, definition, options: sessionOptions, manifest, store } = this.#opened;
    const { projectRoot, compiledDirectory, env = process.env } = sessionOptions;
    const force = this.#forced(options);
    selectStages(resolved, targets); // an unknown target is told before anything is prepared
    const killSignal = options.killSignal ?? new AbortController().signal;
    const signal = AbortSignal.any([options.signal ?? killSignal, killSignal]);
    const runId = makeRunId();
    const log = new EventLog(join(store.directory, "logs", runId), options.onEvent ?? (() => undefined));
    try {
      await definition.options.prepare?.((message) => log.emit({ type: "preparing", message }), signal);
      await store.sweepWork();
      const full = await this.#plan(targets, force);
      return await runPlan(
        {
          runId,
          projectRoot,
          compiledDirectory,
          manifest,
          env,
          store,
          checkpoints: this.#checkpoints,
          presenters: definition.options.present ?? {},
          emit: log.emit,
          signal,
          killSignal,
        },
        { full, force, reads: this.#reads, config: this.config, jobs: options.jobs },
      );
    } finally {
      log.close();
    }
  }

  async status() {
    const { store } = this.#opened;
    const { plan } = await this.#plan([], new Set());
    const [lastRun] = store.runs();
    const stages = plan.stages.map((planned): StageStatus => {
      const latest = store.latest(planned.id);
      const holder = planned.fingerprint === null ? undefined : store.lockHolder(planned.fingerprint);
      return {
        ...planned,
        ...(latest ? { latest: summarise(planned.id, latest) } : {}),
        ...(holder ? { running: { pid: holder.process.pid, runId: holder.runId, since: holder.since } } : {}),
      };
    });
    return { pipeline: plan.pipeline, config: this.config, stages, ...(lastRun ? { lastRun } : {}) };
  }

  async why(stageId: string): Promise<WhyReport> {
    const { resolved, store } = this.#opened;
    const [id = stageId] = stagesOf(resolved, stageId);
    const { stages } = await this.#plan([id], new Set());
    const stage = stages.find(({ recipe }) => recipe.id === id);
    if (stage === undefined) throw new Error(`${id} was not planned`);
    const execution = stage.hit ?? store.latest(id);
    const { recipe, planned } = stage;
    return {
      id,
      name: planned.name,
      decision: planned.decision,
      fingerprint: planned.fingerprint,
      reasons: planned.reasons,
      ...(planned.resumeStep === undefined ? {} : { resumeStep: planned.resumeStep }),
      ...(execution ? { execution: summarise(id, execution) } : {}),
      params: recipe.identityParams,
      inputs: describeInputs(stage, stages),
      environment: recipe.environment,
      packages: recipe.source.packages,
      sourceDigest: recipe.source.digest,
    };
  }

  lineage: Session["lineage"] = (subject, { direction = "both" } = {}) =>
    Promise.resolve().then(() => queryLineage(this.#opened.store, subject, direction));

  graph() {
    return describeGraph(this.#opened.resolved);
  }

  runs() {
    return this.#opened.store.runs();
  }

  output: Session["output"] = (stageId, output) => {
    const { store } = this.#opened;
    const made = store.latest(stageId)?.outputs[output];
    if (made === undefined) return undefined;
    const { kind, digest, summary } = made;
    return { stageId, output, kind, digest, directory: store.objectPath(digest), summary };
  };

  check: Session["check"] = (options) => checkStore(this.#opened.store, options);

  configJsonSchema() {
    return configJsonSchema(this.#opened.definition.config);
  }

  close(): Promise<void> {
    return this.#opened.store.close();
  }
}

/** Sorts by time; the random part tells apart what starts in one second. */
function makeRunId(): string {
  const time = new Date().toISOString().replaceAll(/[-:]/g, "").replace(/\.\d+/, "");
  return `${time}-${randomBytes(3).toString("hex")}`;
}

const summarise = (stageId: string, execution: ExecutionRecord): ExecutionSummary => ({
  fingerprint: execution.fingerprint,
  runId: execution.runId,
  startedAt: execution.startedAt,
  durationMs: execution.durationMs,
  resumedFrom: execution.resumedFrom,
  logFile: execution.logFile,
  outputs: describeOutputs(stageId, execution),
});

/** The digests that are known now, also where another input is still missing. */
function describeInputs({ recipe }: StagePlan, stages: readonly StagePlan[]): WhyReport["inputs"] {
  const entries = Object.entries(recipe.inputs).map(([name, { stageId, output }]) => {
    const producer = stages.find((stage) => stage.recipe.id === stageId)?.hit;
    return [name, { stageId, output, digest: producer?.outputs[output]?.digest ?? null }] as const;
  });
  return Object.fromEntries(entries);
}
