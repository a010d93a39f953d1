/** Starts one stage under an executor and follows it to its end: what a run and a verification have in common. */
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import type { Store } from "../store/store.ts";
import type { NewEvent } from "./event-log.ts";
import type { ReadyStage } from "./execute-stage.ts";
import type { Executor, LaunchReport, StageResult } from "./executor.ts";
import type { Grant } from "./resource-queue.ts";
import type { StageJob } from "./stage-protocol.ts";

export interface LaunchContext {
  readonly runId: string;
  readonly compiledDirectory: string;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly store: Pick<Store, "directory" | "objectPath">;
  readonly emit: (event: NewEvent) => void;
  /** Stop gently. */
  readonly signal: AbortSignal;
  /** Stop now. */
  readonly killSignal: AbortSignal;
}

/** Where it writes. */
export type LaunchDirectories = Pick<StageJob, "outputs" | "checkpointDirectory" | "checkpointMark">;

export async function launchStage(
  context: LaunchContext,
  executor: Executor,
  { recipe, inputs, planned: { fingerprint } }: ReadyStage,
  grant: Grant,
  directories: LaunchDirectories,
): Promise<StageResult> {
  const { store, emit, compiledDirectory, env, runId } = context;
  const stage = recipe.id;
  const downloadsDirectory = join(store.directory, "downloads");
  await mkdir(downloadsDirectory, { recursive: true });
  const child = await executor.launch({
    stage,
    fingerprint,
    runId,
    resources: recipe.resources,
    grant,
    env,
    job: {
      module: join(compiledDirectory, recipe.code.module),
      exportName: recipe.code.exportName,
      params: recipe.params,
      inputs: Object.fromEntries(
        Object.entries(inputs).map(([name, { digest }]) => [name, store.objectPath(digest)]),
      ),
      ...directories,
      downloadsDirectory,
    },
    onReport: (report) => emit(eventOf(stage, report)),
    onLine: (stream, line) => emit({ type: "stage-log", stage, stream, line }),
  });
  const { signal, killSignal } = context;
  const onInterrupt = (): void => child.interrupt();
  const onKill = (): void => child.kill();
  signal.addEventListener("abort", onInterrupt);
  killSignal.addEventListener("abort", onKill);
  // Either may have come while the process was being started.
  if (signal.aborted) child.interrupt();
  if (killSignal.aborted) child.kill();
  try {
    return await child.result;
  } finally {
    signal.removeEventListener("abort", onInterrupt);
    killSignal.removeEventListener("abort", onKill);
  }
}

function eventOf(stage: string, report: LaunchReport): NewEvent {
  switch (report.type) {
    case "waiting":
      return { type: "stage-waiting", stage, message: report.message };
    case "log":
      return { type: "stage-log", stage, stream: "log", line: report.line };
    case "progress":
      return { type: "stage-progress", stage, progress: report.progress };
    case "checkpoint":
      return { type: "stage-checkpoint", stage, step: report.step };
  }
}
