/**
 * A run: every selected stage, as soon as what it needs is there and resources are free, becomes a hit or is
 * executed. After an interrupt nothing new starts; what runs may finish. After a failure likewise, or, where the run is to
 * keep going, only what needs the failed stage is skipped.
 */
import type { SerializedError } from "../errors.ts";
import { serializeError } from "../errors.ts";
import type { ExecutionRecord, RunRecord } from "../store/records.ts";
import { describeOutputs } from "./describe-outputs.ts";
import type { OutputRecord } from "./event.ts";
import type { ExecutionContext, ReadyStage } from "./execute-stage.ts";
import { explainFailure } from "./failure.ts";
import { neededExecutions, planStage, type FullPlan, type PlanReads, type StagePlan } from "./plan.ts";
import type { Recipe } from "./recipe.ts";
import type { Grant, ResourceScheduler } from "./resource-queue.ts";
import type { RunStageSummary, RunSummary } from "./session-types.ts";

export interface RunRequest {
  readonly full: FullPlan;
  /** Ids of hits whose outputs people see already. */
  readonly shown: ReadonlySet<string>;
  readonly reads: PlanReads;
  readonly keepGoing: boolean;
}

export async function runPlan(context: ExecutionContext, request: RunRequest): Promise<RunSummary> {
  return new Run(context, request).finish();
}

class Run {
  readonly #context: ExecutionContext;
  readonly #request: RunRequest;
  #scheduler: Promise<ResourceScheduler> | undefined;
  readonly #startedAt = new Date();
  /** Of a clock that nobody sets. */
  readonly #startedMs = performance.now();
  readonly #settled = new Map<string, ExecutionRecord>();
  readonly #summaries = new Map<string, RunStageSummary>();
  readonly #fingerprints = new Map<string, string | null>();
  /** By stage that did not finish: the one whose failure or interrupt is the cause, itself included. */
  readonly #causes = new Map<string, string>();
  /** Fingerprints of which there were checkpoints when the first hit was met. */
  #left: ReadonlySet<string> | undefined;
  /** Why nothing new starts. */
  #stopped: string | undefined;

  constructor(context: ExecutionContext, request: RunRequest) {
    this.#context = context;
    this.#request = request;
  }

  async finish(): Promise<RunSummary> {
    const { plan, stages } = this.#request.full;
    const { runId, config, emit, signal } = this.#context;
    emit({
      type: "run-started",
      runId,
      pipeline: plan.pipeline,
      config,
      targets: plan.targets,
      stages: plan.stages,
    });
    const onAbort = (): void => void (this.#stopped ??= "the run was interrupted");
    signal.addEventListener("abort", onAbort);
    if (signal.aborted) onAbort();
    const done = new Map<string, Promise<void>>();
    for (const stage of stages) done.set(stage.recipe.id, this.#settleAfterNeeds(stage, done));
    await Promise.all(done.values());
    signal.removeEventListener("abort", onAbort);

    const summary = this.#summarise();
    this.#keepRecord(summary);
    const { status, durationMs, executed, hits } = summary;
    emit({ type: "run-finished", runId, status, durationMs, executed, hits });
    return summary;
  }

  /** A record that cannot be written, e.g. on a full disk, costs the record and never what was made. */
  #keepRecord(summary: RunSummary): void {
    const { store, emit, runId } = this.#context;
    try {
      store.recordRun(this.#record(summary));
    } catch (error) {
      const why = error instanceof Error ? error.message : String(error);
      emit({ type: "warning", code: "RUN_NOT_RECORDED", message: `runs will not list run ${runId}: ${why}` });
    }
  }

  async #settleAfterNeeds(stage: StagePlan, done: ReadonlyMap<string, Promise<void>>): Promise<void> {
    for (const id of stage.recipe.needs) await done.get(id);
    try {
      await this.#settle(stage);
    } catch (error) {
      this.#fail(stage.recipe.id, serializeError(explainFailure(error, this.#context.store.directory)));
    }
  }

  async #settle(first: StagePlan): Promise<void> {
    const { recipe } = first;
    const missing = recipe.needs.find((id) => !this.#settled.has(id));
    if (missing !== undefined) {
      this.#skip(recipe.id, missing, this.#causes.get(missing));
      return;
    }
    // A plan that was complete stands; one that waited for inputs is made now, by the same rules.
    const stage = first.inputs ? first : await this.#planAndClaim(first);
    this.#fingerprints.set(recipe.id, stage.planned.fingerprint);
    for (const damage of stage.damage)
      this.#context.emit({ type: "warning", code: "ARTIFACT_DAMAGED", stage: recipe.id, message: damage });
    if (stage.hit) return this.#hit(stage, stage.hit);
    if (!isReady(stage)) throw new Error(`${recipe.id} was planned without its inputs`);
    this.#scheduler ??= makeScheduler(this.#context);
    const scheduler = await this.#scheduler;
    await scheduler.run(recipe.resources, async (grant) => {
      // Long may have passed in the queue.
      if (this.#stopped === undefined) await this.#execute(stage, grant);
      else this.#skip(recipe.id, this.#stopped);
    });
  }

  #plan({ recipe }: StagePlan): Promise<StagePlan> {
    return planStage(recipe, this.#settled, this.#request.reads, this.#request.full.forced.has(recipe.id));
  }

  /** What it needs is claimed, as `run-targets.ts` claims what stages need that were planned from the start. */
  async #planAndClaim(first: StagePlan): Promise<StagePlan> {
    for (;;) {
      const stage = await this.#plan(first);
      const { store, runId } = this.#context;
      const needed = neededExecutions(stage);
      if (needed.length === 0 || store.keeping.claim(runId, needed).length === 0) return stage;
    }
  }

  async #execute(stage: ReadyStage, grant: Grant): Promise<void> {
    const { recipe, planned } = stage;
    const { emit } = this.#context;
    const { executeStage } = await import("./execute-stage.ts");
    const result = await executeStage(this.#context, stage, grant, this.#request.full.forced.has(recipe.id));
    switch (result.outcome) {
      case "executed": {
        const outputs = await this.#show(recipe, result.execution);
        this.#settled.set(recipe.id, result.execution);
        this.#summaries.set(recipe.id, { id: recipe.id, outcome: "executed", outputs });
        const { durationMs } = result;
        emit({
          type: "stage-finished",
          stage: recipe.id,
          fingerprint: planned.fingerprint,
          durationMs,
          outputs,
        });
        return;
      }
      case "shared": {
        const again = await this.#planAndClaim(stage);
        if (again.hit) return this.#hit(again, again.hit);
        return isReady(again) ? this.#execute(again, grant) : undefined;
      }
      case "failed":
        this.#fail(recipe.id, result.error);
        return;
      case "interrupted": {
        const { checkpointStep } = result;
        this.#causes.set(recipe.id, recipe.id);
        this.#summaries.set(recipe.id, { id: recipe.id, outcome: "interrupted", outputs: {} });
        emit({
          type: "stage-interrupted",
          stage: recipe.id,
          ...(checkpointStep === undefined ? {} : { checkpointStep }),
        });
        return;
      }
    }
  }

  async #hit(stage: StagePlan, execution: ExecutionRecord): Promise<void> {
    const { store, emit, checkpoints, continuations } = this.#context;
    const { recipe } = stage;
    const { id } = recipe;
    for (const object of stage.fresh) store.remember(object);
    store.serve(id, execution.fingerprint);
    // Left where a runner was killed between its commit and its cleaning up.
    this.#left ??= new Set(checkpoints.list());
    if (this.#left.has(execution.fingerprint)) await checkpoints.finish(execution.fingerprint, continuations);
    const outputs = this.#request.shown.has(id)
      ? describeOutputs(id, execution)
      : await this.#show(recipe, execution);
    this.#settled.set(id, execution);
    this.#summaries.set(id, { id, outcome: "hit", outputs });
    emit({ type: "stage-hit", stage: id, fingerprint: execution.fingerprint, outputs });
  }

  /** Brings the person's view up to date and describes the outputs. */
  async #show(recipe: Recipe, execution: ExecutionRecord): Promise<Record<string, OutputRecord>> {
    const { store, presenters } = this.#context;
    for (const [output, { digest }] of Object.entries(execution.outputs)) {
      const kind = recipe.outputs[output]?.kind;
      const present = kind === undefined ? undefined : presenters[kind];
      await store.refreshView(recipe.id, output, digest, present);
    }
    return describeOutputs(recipe.id, execution);
  }

  #fail(id: string, said: SerializedError): void {
    const error = this.#context.secrets.redact(said);
    if (!this.#request.keepGoing) this.#stopped ??= `stage ${id} failed`;
    this.#causes.set(id, id);
    this.#summaries.set(id, { id, outcome: "failed", outputs: {}, error });
    this.#context.emit({ type: "stage-failed", stage: id, error });
  }

  /** `because`: the need that is missing, or why the run was stopped; `cause`: the stage at the bottom of it. */
  #skip(id: string, because: string, cause = because): void {
    this.#causes.set(id, cause);
    this.#summaries.set(id, { id, outcome: "skipped", outputs: {}, because: cause });
    this.#context.emit({ type: "stage-skipped", stage: id, because });
  }

  #summarise(): RunSummary {
    const stages = this.#request.full.stages.flatMap(({ recipe }) => this.#summaries.get(recipe.id) ?? []);
    const count = (outcome: RunStageSummary["outcome"]): number =>
      stages.filter((stage) => stage.outcome === outcome).length;
    const failed = stages.filter((stage) => stage.outcome === "failed");
    const unfinished = count("interrupted") + count("skipped") > 0;
    const status = failed.length > 0 ? "failed" : unfinished ? "interrupted" : "succeeded";
    const users = failed.some(({ error }) => error?.kind === "user");
    const exitCode = status === "succeeded" ? 0 : status === "interrupted" ? 130 : users ? 2 : 1;
    return {
      runId: this.#context.runId,
      status,
      exitCode,
      durationMs: Math.round(performance.now() - this.#startedMs),
      executed: count("executed"),
      hits: count("hit"),
      stages,
    };
  }

  #record({ runId, status, durationMs, executed, hits, stages }: RunSummary): RunRecord {
    const { plan } = this.#request.full;
    return {
      runId,
      pipeline: plan.pipeline,
      config: this.#context.config,
      targets: plan.targets,
      startedAt: this.#startedAt.toISOString(),
      durationMs,
      status,
      executed,
      hits,
      stages: Object.fromEntries(
        stages.map(({ id, outcome }) => [id, { outcome, fingerprint: this.#fingerprints.get(id) ?? null }]),
      ),
    };
  }
}

/** Loaded when the first stage must run: a run of hits starts without p-queue. */
async function makeScheduler({ executor }: ExecutionContext): Promise<ResourceScheduler> {
  const { ResourceScheduler: Scheduler } = await import("./resource-queue.ts");
  return new Scheduler((await executor()).capacity);
}

const isReady = (stage: StagePlan): stage is ReadyStage =>
  stage.inputs !== undefined && stage.planned.fingerprint !== null;
