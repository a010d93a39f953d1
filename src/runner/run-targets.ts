/** `run` from targets to summary: what one run is given before the first stage is looked at. */
import { EventLog } from "./event-log.ts";
import type { ExecutionContext } from "./execute-stage.ts";
import { explainFailure } from "./failure.ts";
import type { ExecutionRecord } from "../store/records.ts";
import type { Store } from "../store/store.ts";
import type { OpenProject } from "./open-project.ts";
import { stageLogsDirectory } from "./run-files.ts";
import { makeRunId } from "./run-id.ts";
import { RunRecorder } from "./run-recorder.ts";
import { neededExecutions } from "./plan.ts";
import { runPlan, type RunRequest } from "./run.ts";
import { chooseExecutor } from "./choose-executor.ts";
import type { RunOptions, RunSummary } from "./session-types.ts";
import { selectStages } from "./selection.ts";

/**
 * Throws the errors of selection.ts and choose-executor.ts, what the pipeline's `prepare` throws, and `DISK_FULL`; how
 * stages end is in the summary.
 */
export async function runTargets(
  project: OpenProject,
  targets: readonly string[],
  options: RunOptions,
): Promise<RunSummary> {
  try {
    return await recordedRun(project, targets, options);
  } catch (error) {
    throw explainFailure(error, project.store.directory);
  }
}

async function recordedRun(
  project: OpenProject,
  targets: readonly string[],
  options: RunOptions,
): Promise<RunSummary> {
  const { store, parts, env, secrets } = project;
  const { compiledDirectory } = parts.options;
  const executor = once(chooseExecutor(project, options));
  selectStages(parts.resolved, targets, options); // what cannot be selected is told before anything is prepared
  const killSignal = options.killSignal ?? new AbortController().signal;
  const signal = AbortSignal.any([options.signal ?? killSignal, killSignal]);
  const runId = options.runId ?? makeRunId();
  const recorder = new RunRecorder(
    store.directory,
    // The recipe is refused for its secrets later than this is written down.
    secrets.redact({
      runId,
      pipeline: parts.resolved.name,
      targets,
      config: project.config,
      configNamed: parts.options.configFile !== undefined,
      set: parts.options.set ?? [],
      until: options.until ?? [],
      only: options.only ?? [],
      keepGoing: options.keepGoing ?? false,
    }),
    options.onEvent,
  );
  const log = new EventLog(stageLogsDirectory(store.directory, runId), secrets, recorder.record);
  const tellNotices = (): void => {
    for (const { code, message } of store.takeNotices()) log.emit({ type: "warning", code, message });
  };
  try {
    const { prepare, present = {} } = parts.definition.options;
    await prepare?.((message) => log.emit({ type: "preparing", message }), signal);
    await store.sweepWork();
    const { full, shown } = await planAndClaim(project, targets, options, runId);
    await store.stats.save();
    const context: ExecutionContext = {
      runId,
      config: project.config,
      digestFiles: project.digestFiles,
      compiledDirectory,
      env,
      secrets,
      store,
      checkpoints: project.checkpoints,
      continuations: project.continuations,
      executor,
      presenters: present,
      emit: log.emit,
      signal,
      killSignal,
    };
    tellNotices();
    return await runPlan(context, {
      full,
      shown,
      reads: project.reads,
      keepGoing: options.keepGoing ?? false,
    });
  } catch (error) {
    throw secrets.redactError(error);
  } finally {
    tellNotices();
    log.close();
    recorder.end();
  }
}

/**
 * A plan of which nobody evicts what it needs until the run ends, and which of its hits people see already. A run that
 * will read none of them writes nothing here.
 */
async function planAndClaim(
  project: OpenProject,
  targets: readonly string[],
  options: RunOptions,
  runId: string,
): Promise<Pick<RunRequest, "full" | "shown">> {
  const { store } = project;
  for (;;) {
    const full = await project.plan(targets, options);
    const shown = new Set(
      full.stages.flatMap(({ hit, recipe: { id } }) => (hit && isShown(store, id, hit) ? [id] : [])),
    );
    const reads = shown.size < full.stages.length;
    const needed = full.stages.flatMap(neededExecutions);
    // Where one was evicted since it was planned, it is planned again: as a miss.
    if (!reads || needed.length === 0 || store.keeping.claim(runId, needed).length === 0)
      return { full, shown };
  }
}

const isShown = (store: Store, stageId: string, { outputs }: ExecutionRecord): boolean =>
  Object.entries(outputs).every(([output, { digest }]) => store.viewed(stageId, output) === digest);

/** Loaded when the first stage must run: a run of hits starts without execa. */
function once<T>(make: () => Promise<T>): () => Promise<T> {
  let made: Promise<T> | undefined;
  return () => (made ??= make());
}
