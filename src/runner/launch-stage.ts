/**
 * Starts one slice of a stage under an executor and follows it to its end, with its timeout: what a run and a
 * verification have in common. How it ends is a value.
 */
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { serializeError } from "../errors.ts";
import { withMalloc } from "../std/malloc.ts";
import type { Store } from "../store/store.ts";
import { readMark } from "./checkpoints.ts";
import type { NewEvent } from "./event-log.ts";
import type { ReadyStage } from "./execute-stage.ts";
import type { Executor, LaunchReport, RunningStage, StageResult } from "./executor.ts";
import { stageTimedOut } from "./failure.ts";
import { mallocOfStage } from "./malloc-of-stage.ts";
import type { Grant } from "./resource-queue.ts";
import type { Secrets } from "./secrets.ts";
import type { StageJob } from "./stage-protocol.ts";
import type { UndeclaredReads } from "./watch-reads.ts";

export interface LaunchContext {
  readonly runId: string;
  readonly compiledDirectory: string;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Of that environment, and of the runner's own. */
  readonly secrets: Pick<Secrets, "redact">;
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
  const { store, emit, compiledDirectory, env, secrets, runId } = context;
  const stage = recipe.id;
  const downloadsDirectory = join(store.directory, "downloads");
  await mkdir(downloadsDirectory, { recursive: true });
  const child = await executor.launch({
    stage,
    fingerprint,
    runId,
    resources: recipe.resources,
    grant,
    env: withMalloc(mallocOfStage(recipe.resources), env),
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
  // A job of a cluster waits in a queue, and has a time limit there.
  const timeout = new Timeout(child, executor.name === "local" ? recipe.timeoutMs : undefined);
  try {
    const result = await child.result;
    // Here what a stage says enters records and summaries.
    if (result.outcome === "done" || !timeout.expired || signal.aborted) return secrets.redact(result);
    const { step } = readMark(directories.checkpointMark);
    return { outcome: "failed", error: serializeError(stageTimedOut(stage, timeout.afterMs, step)) };
  } finally {
    timeout.dispose();
    signal.removeEventListener("abort", onInterrupt);
    killSignal.removeEventListener("abort", onKill);
  }
}

/** The longest that a timer of Node's can wait. */
const MAX_TIMER_MS = 2 ** 31 - 1;
/** How long a stage may take to write its checkpoint; one that may not run as long is not given longer than it ran. */
const GRACE_MS = 60_000;

/** Asks the stage for a checkpoint when its time is up, and kills it where it does not end. */
class Timeout {
  expired = false;
  readonly afterMs: number;
  #timer: NodeJS.Timeout | undefined;

  constructor(child: Pick<RunningStage, "interrupt" | "kill">, timeoutMs: number | undefined) {
    this.afterMs = timeoutMs ?? Infinity;
    if (timeoutMs === undefined || timeoutMs > MAX_TIMER_MS) return;
    this.#timer = setTimeout(() => {
      this.expired = true;
      child.interrupt();
      this.#timer = setTimeout(() => child.kill(), Math.min(GRACE_MS, timeoutMs));
    }, timeoutMs);
  }

  dispose(): void {
    clearTimeout(this.#timer);
  }
}

function undeclaredReads({ paths, more }: UndeclaredReads): string {
  const rest = more === 0 ? "" : ` and ${more} more`;
  return `it reads what it does not declare, so that a change there reruns nothing: ${paths.join(", ")}${rest}; name it in \`files\` of the stage, or make it an input`;
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
    case "undeclared-reads":
      return { type: "warning", code: "UNDECLARED_READ", stage, message: undeclaredReads(report) };
  }
}
