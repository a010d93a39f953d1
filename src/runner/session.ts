/**
 * Opens a project for questions and runs: the one place where pipeline, config, compiled code and store come
 * together. What commands do is done here; what they print is not.
 */
import { userError } from "../errors.ts";
import { contentSubject } from "../lineage/content-subject.ts";
import { queryLineage } from "../lineage/query.ts";
import { configJsonSchema } from "../pipeline/config-json-schema.ts";
import { loadConfig } from "../pipeline/config-load.ts";
import { resolvePipeline } from "../pipeline/define-pipeline.ts";
import { checkStore } from "../store/check.ts";
import type { Json } from "../std/json.ts";
import { openStore } from "../store/open-store.ts";
import type { ExecutionRecord } from "../store/records.ts";
import { readManifest } from "./compiled.ts";
import { noteWords } from "./completion-words.ts";
import { describeGraph } from "./describe-graph.ts";
import { describeOutputs } from "./describe-outputs.ts";
import { createExchange } from "./exchange.ts";
import { openHistory } from "./history.ts";
import type { History } from "./history-types.ts";
import { loadPipeline } from "./load-pipeline.ts";
import { checkProject } from "./maintenance/check.ts";
import { createMaintenance } from "./maintenance/maintenance.ts";
import type { Maintenance } from "./maintenance-types.ts";
import { OpenProject } from "./open-project.ts";
import type { StagePlan } from "./plan.ts";
import { runTargets } from "./run-targets.ts";
import type {
  ExecutionSummary,
  OpenSession,
  PlanOptions,
  RunOptions,
  RunSummary,
  Session,
  StageStatus,
  WhyReport,
} from "./session-types.ts";
import { loadSettings } from "./settings.ts";
import { comparedParts, upstreamRuns } from "./why-chain.ts";
import { watchedFiles } from "./watched-files.ts";

/** Throws user errors for a bad config (config-load.ts), `STAGE_WITHOUT_FILE`, `NOT_COMPILED`, `INDEX_UNREADABLE`. */
export const openSession: OpenSession = async (options) => {
  const { projectRoot, compiledDirectory } = options;
  const manifest = readManifest(compiledDirectory);
  const pipeline = await loadPipeline(options);
  const file = options.configFile ?? pipeline.options.defaultConfig ?? missingConfig();
  const config = await loadConfig({ projectRoot, file, set: options.set, schema: pipeline.config });
  const resolved = resolvePipeline(pipeline, config.value);
  noteWords(projectRoot, resolved);
  const settings = await loadSettings(projectRoot);
  const store = openStore(projectRoot);
  return new OpenedSession(
    new OpenProject({ options, manifest, definition: pipeline, resolved, config, settings, store }),
  );
};

const missingConfig = (): never => {
  throw userError(
    "CONFIG_NOT_NAMED",
    "no recipe was named, and the pipeline has no default one",
    "--config configs/NAME.yaml, or defaultConfig in pipeline.ts",
  );
};

class OpenedSession implements Session {
  readonly #project: OpenProject;
  readonly history: History;
  readonly maintenance: Maintenance;

  constructor(project: OpenProject) {
    this.#project = project;
    this.history = openHistory(project);
    this.maintenance = createMaintenance(project);
  }

  get exchange() {
    const { store, env } = this.#project;
    return createExchange(this.#project, async () => {
      const { StoreExchange } = await import("../store/exchange/store-exchange.ts");
      return StoreExchange.open(store, env);
    });
  }

  get pipeline(): string {
    return this.#project.parts.resolved.name;
  }

  get projectRoot(): string {
    return this.#project.projectRoot;
  }

  get config(): string {
    return this.#project.config;
  }

  get recipe(): Json {
    // Configs come from YAML, and schemas that give more than JSON could not be fingerprinted.
    return this.#project.parts.config.value as Json;
  }

  async plan(targets: readonly string[] = [], options: PlanOptions = {}) {
    return (await this.#project.plan(targets, options)).plan;
  }

  run(targets: readonly string[] = [], options: RunOptions = {}): Promise<RunSummary> {
    return runTargets(this.#project, targets, options);
  }

  async status() {
    const { store } = this.#project;
    const { plan } = await this.#project.plan();
    const lastRun = this.history.runs().find(({ origin }) => origin === undefined);
    const [killed] = this.history.killed({ limit: 1 });
    const killedRun = killed && (lastRun?.startedAt ?? "") < killed.startedAt ? killed : undefined;
    const stages = plan.stages.map((planned): StageStatus => {
      const latest = store.latest(planned.id);
      const holder = planned.fingerprint === null ? undefined : store.lockHolder(planned.fingerprint);
      return {
        ...planned,
        ...(latest ? { latest: summarise(planned.id, latest) } : {}),
        ...(holder ? { running: { pid: holder.process.pid, runId: holder.runId, since: holder.since } } : {}),
      };
    });
    return {
      pipeline: plan.pipeline,
      config: this.config,
      stages,
      ...(lastRun ? { lastRun } : {}),
      ...(killedRun ? { killedRun } : {}),
    };
  }

  async why(stageId: string): Promise<WhyReport> {
    const { store } = this.#project;
    const [id = stageId] = this.#project.idsOf([stageId]);
    const { stages } = await this.#project.plan([id]);
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
      ...(planned.resumeTotal === undefined ? {} : { resumeTotal: planned.resumeTotal }),
      ...(planned.leaves === undefined ? {} : { leaves: planned.leaves }),
      ...(execution ? { execution: summarise(id, execution) } : {}),
      params: recipe.identityParams,
      inputs: describeInputs(stage, stages),
      environment: recipe.environment,
      packages: recipe.source.packages,
      sourceDigest: recipe.source.digest,
      compared: comparedParts(stage),
      upstream: upstreamRuns(stage, stages),
    };
  }

  lineage: Session["lineage"] = async (subject, { direction = "both" } = {}) => {
    const { store, projectRoot } = this.#project;
    const isStage = store.latest(subject) !== undefined;
    const meant = isStage ? subject : await contentSubject(projectRoot, subject);
    return queryLineage(store, meant, direction, subject);
  };

  graph() {
    return describeGraph(this.#project.parts.resolved);
  }

  output: Session["output"] = (stageId, output) => {
    const { store } = this.#project;
    const latest = store.latest(stageId);
    const made = latest?.outputs[output];
    if (made === undefined || latest?.evictedAt !== undefined) return undefined;
    const { kind, digest, summary } = made;
    return { stageId, output, kind, digest, directory: store.objectPath(digest), summary };
  };

  check: Session["check"] = (options) =>
    checkProject(this.#project, (each) => checkStore(this.#project.store, each), options);

  takeNotices: Session["takeNotices"] = () => this.#project.store.takeNotices();

  watched: Session["watched"] = () => watchedFiles(this.#project);

  configJsonSchema() {
    return configJsonSchema(this.#project.parts.definition.config);
  }

  close(): Promise<void> {
    return this.#project.store.close();
  }
}

const summarise = (stageId: string, execution: ExecutionRecord): ExecutionSummary => ({
  fingerprint: execution.fingerprint,
  runId: execution.runId,
  startedAt: execution.startedAt,
  durationMs: execution.durationMs,
  resumedFrom: execution.resumedFrom,
  ...(execution.extended ? { extended: execution.extended } : {}),
  ...(execution.remarks ? { remarks: execution.remarks } : {}),
  ...(execution.acceptedFrom ? { acceptedFrom: execution.acceptedFrom } : {}),
  ...(execution.evictedAt === undefined ? {} : { evictedAt: execution.evictedAt }),
  ...(execution.retries === undefined ? {} : { retries: execution.retries }),
  logFile: execution.logFile,
  outputs: describeOutputs(stageId, execution),
  ...(execution.origin ? { origin: execution.origin } : {}),
});

/** The digests that are known now, also where another input is still missing. */
function describeInputs({ recipe }: StagePlan, stages: readonly StagePlan[]): WhyReport["inputs"] {
  const entries = Object.entries(recipe.inputs).map(([name, { stageId, output }]) => {
    const producer = stages.find((stage) => stage.recipe.id === stageId)?.hit;
    return [name, { stageId, output, digest: producer?.outputs[output]?.digest ?? null }] as const;
  });
  return Object.fromEntries(entries);
}
