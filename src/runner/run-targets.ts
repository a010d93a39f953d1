/** `run` from targets to summary: what one run is given before the first stage is looked at. */
import { join } from "node:path";
import { EventLog } from "./event-log.ts";
import type { ExecutionContext } from "./execute-stage.ts";
import type { OpenProject } from "./open-project.ts";
import { makeRunId } from "./run-id.ts";
import { RunRecorder } from "./run-recorder.ts";
import { runPlan } from "./run.ts";
import type { RunOptions, RunSummary } from "./session-types.ts";
import { selectStages } from "./selection.ts";

/** Throws the errors of selection.ts, and what the pipeline's `prepare` throws; how stages end is in the summary. */
export async function runTargets(
  project: OpenProject,
  targets: readonly string[],
  options: RunOptions,
): Promise<RunSummary> {
  const { store, parts, env, projectRoot } = project;
  const { compiledDirectory } = parts.options;
  selectStages(parts.resolved, targets, options); // what cannot be selected is told before anything is prepared
  const killSignal = options.killSignal ?? new AbortController().signal;
  const signal = AbortSignal.any([options.signal ?? killSignal, killSignal]);
  const runId = options.runId ?? makeRunId();
  const recorder = new RunRecorder(
    store.directory,
    {
      runId,
      pipeline: parts.resolved.name,
      targets,
      config: project.config,
      configNamed: parts.options.configFile !== undefined,
      set: parts.options.set ?? [],
      until: options.until ?? [],
      only: options.only ?? [],
      keepGoing: options.keepGoing ?? false,
    },
    options.onEvent,
  );
  const log = new EventLog(join(store.directory, "logs", runId), recorder.record);
  try {
    const { prepare, present = {} } = parts.definition.options;
    await prepare?.((message) => log.emit({ type: "preparing", message }), signal);
    await store.sweepWork();
    const full = await project.plan(targets, options);
    const context: ExecutionContext = {
      runId,
      compiledDirectory,
      env,
      store,
      checkpoints: project.checkpoints,
      continuations: project.continuations,
      executor: once(async () => {
        const { localExecutor } = await import("./executors/local.ts");
        return localExecutor({
          store,
          stageProcess: join(compiledDirectory, parts.manifest.stageProcess),
          watchdog: join(compiledDirectory, parts.manifest.watchdog),
          projectRoot,
          jobs: options.jobs,
        });
      }),
      presenters: present,
      emit: log.emit,
      signal,
      killSignal,
    };
    return await runPlan(context, {
      full,
      reads: project.reads,
      config: project.config,
      keepGoing: options.keepGoing ?? false,
    });
  } finally {
    log.close();
    recorder.end();
  }
}

/** Loaded when the first stage must run: a run of hits starts without execa. */
function once<T>(make: () => Promise<T>): () => Promise<T> {
  let made: Promise<T> | undefined;
  return () => (made ??= make());
}
