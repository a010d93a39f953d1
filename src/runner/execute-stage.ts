/**
 * One execution from lock to commit: waits for or takes the lock of the fingerprint, runs the stage process,
 * moves what it wrote into the store, and commits. How it ends is a value.
 */
import { join } from "node:path";
import { serializeError, type SerializedError } from "../errors.ts";
import { FINGERPRINT_VERSION } from "../hashing/fingerprint.ts";
import type { Presenters } from "../pipeline/define-pipeline.ts";
import type { JsonObject } from "../std/json.ts";
import { thisProcess, type ProcessIdentity } from "../std/process-identity.ts";
import type { ExecutionRecord, ObjectRecord, OutputEntry } from "../store/records.ts";
import type { Store } from "../store/store.ts";
import { runAttempts } from "./attempts.ts";
import type { Checkpoints } from "./checkpoints.ts";
import type { Continuations } from "./continuations.ts";
import type { NewEvent } from "./event-log.ts";
import type { Executor } from "./executor.ts";
import { explainFailure } from "./failure.ts";
import type { StagePlan } from "./plan.ts";
import type { Grant } from "./resource-queue.ts";
import type { DigestFiles } from "./recipe.ts";
import { stageLogPath } from "./run-files.ts";
import type { Secrets } from "./secrets.ts";

/** What all executions of a run share. */
export interface ExecutionContext {
  readonly runId: string;
  /** The recipe's file, relative to the project. */
  readonly config: string;
  readonly digestFiles: DigestFiles;
  readonly compiledDirectory: string;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Of that environment, and of the runner's own. */
  readonly secrets: Secrets;
  readonly store: Store;
  readonly checkpoints: Checkpoints;
  readonly continuations: Continuations;
  /** Made when the first stage must run. */
  readonly executor: () => Promise<Executor>;
  readonly presenters: Presenters;
  readonly emit: (event: NewEvent) => void;
  /** Stop gently. */
  readonly signal: AbortSignal;
  /** Stop now. */
  readonly killSignal: AbortSignal;
}

/** A stage of which everything is known and which is not a hit. */
export type ReadyStage = StagePlan & {
  readonly inputs: NonNullable<StagePlan["inputs"]>;
  readonly planned: { readonly fingerprint: string };
};

export type StageOutcome =
  /** `durationMs`: of this run, pauses between tries included; the record sums up the work of all slices. */
  | { readonly outcome: "executed"; readonly execution: ExecutionRecord; readonly durationMs: number }
  /** Another runner made it while this one waited. */
  | { readonly outcome: "shared" }
  | { readonly outcome: "failed"; readonly error: SerializedError }
  | { readonly outcome: "interrupted"; readonly checkpointStep?: number };

const LOCK_POLL_MS = 200;

export async function executeStage(
  context: ExecutionContext,
  stage: ReadyStage,
  grant: Grant,
  forced: boolean,
): Promise<StageOutcome> {
  const lock = await takeLock(context, stage, forced);
  if (lock !== "taken") return lock;
  try {
    return await runLocked(context, stage, grant, forced);
  } catch (error) {
    return { outcome: "failed", error: serializeError(explainFailure(error, context.store.directory)) };
  } finally {
    giveUpLock(context, stage);
  }
}

/** What was made is not lost because of a lock that stays: it holds no longer than this process lives. */
function giveUpLock(
  { store, emit }: ExecutionContext,
  { recipe, planned: { fingerprint } }: ReadyStage,
): void {
  try {
    store.unlock(fingerprint, thisProcess());
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    emit({
      type: "warning",
      code: "LOCK_KEPT",
      stage: recipe.id,
      message: `other runners wait for ${recipe.id} until this one ends: ${why}`,
    });
  }
}

async function takeLock(
  { store, emit, runId, signal }: ExecutionContext,
  { planned: { fingerprint }, recipe, seen }: ReadyStage,
  forced: boolean,
): Promise<"taken" | Extract<StageOutcome, { outcome: "shared" | "interrupted" }>> {
  for (let waited = false; ; waited = true) {
    if (signal.aborted) return { outcome: "interrupted" };
    const holder = { process: thisProcess(), runId, stageId: recipe.id, since: new Date().toISOString() };
    const result = store.tryLock(fingerprint, holder);
    if (result.acquired) {
      if (result.healed)
        emit({
          type: "warning",
          code: "STALE_LOCK",
          stage: recipe.id,
          message: `run ${result.healed.runId} (pid ${result.healed.process.pid}) died while it made this; its lock was taken over`,
        });
      // What was no hit at planning may have been made since, by whoever held the lock.
      const made = store.execution(fingerprint);
      if (made === undefined || made.runId === seen || forced) return "taken";
      store.unlock(fingerprint, thisProcess());
      return { outcome: "shared" };
    }
    const { process, runId: other } = result.holder;
    if (!waited)
      emit({
        type: "stage-waiting",
        stage: recipe.id,
        message: `run ${other} (pid ${process.pid} on ${process.host}) is making it; waiting for the result${ifDead(process)}`,
      });
    await new Promise((resume) => setTimeout(resume, LOCK_POLL_MS));
  }
}

/** A holder on this machine is seen to die; of another machine only a person knows. */
const ifDead = ({ host }: ProcessIdentity): string =>
  host === thisProcess().host ? "" : ` (if ${host} is dead: npx pipeline clean --locks ${host})`;

async function runLocked(
  context: ExecutionContext,
  stage: ReadyStage,
  grant: Grant,
  forced: boolean,
): Promise<StageOutcome> {
  const { store, checkpoints, continuations, runId } = context;
  const { recipe, planned } = stage;
  const { fingerprint } = planned;
  const executor = await context.executor();
  const work = await executor.workDirectory(fingerprint, forced);
  if (forced) await checkpoints.remove(fingerprint);
  const startedAt = work.begun ?? new Date();
  const startedMs = performance.now();
  try {
    const directories = Object.fromEntries(
      Object.keys(recipe.outputs).map((name) => [name, join(work.path, "outputs", name)]),
    );
    const result = await runAttempts(context, executor, stage, { grant, work, outputs: directories });
    if (result.outcome !== "done" && checkpoints.isEmpty(fingerprint)) await checkpoints.remove(fingerprint);
    if (result.outcome === "failed") return result;
    if (result.outcome === "interrupted") {
      const { step } = checkpoints.read(fingerprint);
      return { outcome: "interrupted", ...(step === undefined ? {} : { checkpointStep: step }) };
    }
    const { retries, endedAt = new Date() } = result;
    const { objects, outputs } = await adoptOutputs(store, stage, directories, result.outputs);
    // Where another runner began it, only the clock of files knows; somebody may have set it meanwhile.
    const durationMs =
      work.begun === undefined
        ? Math.round(performance.now() - startedMs)
        : Math.max(0, endedAt.getTime() - startedAt.getTime());
    const mark = checkpoints.read(fingerprint);
    const execution: ExecutionRecord = {
      fingerprint,
      fingerprintVersion: FINGERPRINT_VERSION,
      stageId: recipe.id,
      stageName: recipe.name,
      params: recipe.identityParams,
      runtimeParams: recipe.runtimeParams,
      inputs: stage.inputs,
      outputs,
      source: { digest: recipe.source.digest, files: recipe.source.files },
      packages: recipe.source.packages,
      environment: recipe.environment,
      runId,
      startedAt: startedAt.toISOString(),
      durationMs: mark.elapsedMs ?? durationMs,
      resumedFrom: mark.resumedFrom,
      ...(mark.extended ? { extended: mark.extended } : {}),
      ...(mark.remarks?.length ? { remarks: context.secrets.redact(mark.remarks) } : {}),
      ...(stage.family === undefined ? {} : { family: stage.family }),
      ...(retries === 0 ? {} : { retries }),
      logFile: stageLogPath(runId, recipe.id),
    };
    store.commit(execution, objects);
    // A kill before this line leaves a checkpoint behind a hit; the next run sees to it.
    await checkpoints.finish(fingerprint, continuations);
    return { outcome: "executed", execution, durationMs };
  } finally {
    await work.dispose();
  }
}

async function adoptOutputs(
  store: Store,
  { recipe }: ReadyStage,
  directories: Readonly<Record<string, string>>,
  summaries: Readonly<Record<string, JsonObject>>,
): Promise<{ objects: ObjectRecord[]; outputs: Record<string, OutputEntry> }> {
  const objects: ObjectRecord[] = [];
  const outputs: Record<string, OutputEntry> = {};
  for (const [name, format] of Object.entries(recipe.outputs)) {
    const object = await store.adopt(directoryOf(directories, name));
    objects.push(object);
    outputs[name] = {
      ...format,
      digest: object.digest,
      sizeBytes: object.sizeBytes,
      summary: summaries[name] ?? {},
    };
  }
  return { objects, outputs };
}

function directoryOf(directories: Readonly<Record<string, string>>, name: string): string {
  const directory = directories[name];
  if (directory === undefined) throw new Error(`no directory was made for output ${name}`);
  return directory;
}
