/**
 * A stage's tries under one lock: the first, and further ones where the stage declares itself retryable. Each goes on
 * from the last checkpoint; each but the first is announced before its pause. What was read while it changed is
 * believed by none of them.
 */
import { rm } from "node:fs/promises";
import { setTimeout as sleep } from "node:timers/promises";
import { serializeError, type SerializedError } from "../errors.ts";
import type { CheckpointMark } from "./checkpoints.ts";
import { pastRecipe } from "./compared-recipe.ts";
import type { ExecutionContext, ReadyStage } from "./execute-stage.ts";
import type { Executor, StageResult, WorkDirectory } from "./executor.ts";
import { changedInput, INPUT_CHANGED, inputChanged } from "./input-guard.ts";
import { launchStage } from "./launch-stage.ts";
import type { Grant } from "./resource-queue.ts";
import { pauseBeforeRetry } from "./retry.ts";

export type AttemptsResult =
  /** `retries`: tries that failed before. */
  | (Extract<StageResult, { outcome: "done" }> & { readonly retries: number })
  | { readonly outcome: "failed"; readonly error: SerializedError }
  | { readonly outcome: "interrupted" };

/** What every try of a stage is given. */
export interface Workplace {
  readonly grant: Grant;
  readonly work: Pick<WorkDirectory, "begun">;
  /** Output name → directory to write into. */
  readonly outputs: Readonly<Record<string, string>>;
}

export async function runAttempts(
  context: ExecutionContext,
  executor: Executor,
  stage: ReadyStage,
  place: Workplace,
): Promise<AttemptsResult> {
  const { checkpoints, emit, signal } = context;
  const { recipe, planned } = stage;
  for (let failures = 0; ;) {
    const begun = failures === 0 && place.work.begun !== undefined;
    // The mark of an execution that goes on belongs to its stage process.
    const mark = begun ? checkpoints.read(planned.fingerprint) : await beginCheckpoint(context, stage);
    if (failures === 0) announce(context, stage, mark);
    const result = await runGuarded(context, executor, stage, place);
    if (result.outcome === "done") return { ...result, retries: failures };
    // An interrupt hides how the stage failed, but not that what it made is worthless.
    if (signal.aborted && result.error.code !== INPUT_CHANGED) return { outcome: "interrupted" };
    failures++;
    const delayMs = pauseBeforeRetry(recipe.retry, result.error, failures);
    if (recipe.retry === undefined || delayMs === undefined) return result;
    const { step } = checkpoints.read(planned.fingerprint);
    emit({
      type: "stage-retry",
      stage: recipe.id,
      attempt: failures + 1,
      attempts: recipe.retry.attempts,
      delayMs,
      error: result.error,
      ...(step === undefined ? {} : { resumeStep: step }),
    });
    await pause(delayMs, signal);
    if (signal.aborted) return { outcome: "interrupted" };
    // The next try finds its directories as the first one did.
    for (const directory of Object.values(place.outputs))
      await rm(directory, { recursive: true, force: true });
  }
}

/** A checkpoint of its own may have come since it was planned, from another runner or an earlier try. */
async function beginCheckpoint(
  { checkpoints, continuations, config }: ExecutionContext,
  { recipe, inputs, planned }: ReadyStage,
): Promise<CheckpointMark> {
  const { fingerprint, extends: from } = planned;
  // What was kept may have been removed by hand since: then it begins anew.
  const extendable = from !== undefined && continuations.steps(from.fingerprint).includes(from.step);
  const mark =
    extendable && checkpoints.read(fingerprint).step === undefined
      ? await checkpoints.extend(fingerprint, from, continuations)
      : await checkpoints.begin(fingerprint);
  const begunBy = { stageId: recipe.id, config, recipe: pastRecipe(recipe, inputs) };
  await checkpoints.noteRecipe(fingerprint, begunBy);
  return mark;
}

function announce(
  { emit }: ExecutionContext,
  { recipe, planned }: ReadyStage,
  { step }: CheckpointMark,
): void {
  const expectedMs = planned.predicted?.durationMs;
  emit({
    type: "stage-started",
    stage: recipe.id,
    fingerprint: planned.fingerprint,
    reasons: planned.reasons,
    ...(step === undefined ? {} : { resumeStep: step }),
    ...(expectedMs === undefined ? {} : { expectedMs }),
  });
  const [left] = planned.leaves ?? [];
  if (left !== undefined && left.step > (step ?? 0))
    emit({ type: "warning", code: "CHECKPOINT_LEFT", stage: recipe.id, message: left.message });
}

/** A result, or a checkpoint, of other bytes than the fingerprint names is worse than none. */
async function runGuarded(
  context: ExecutionContext,
  executor: Executor,
  stage: ReadyStage,
  { grant, outputs }: Workplace,
): Promise<StageResult> {
  const { store, digestFiles, checkpoints } = context;
  const changed = () => changedInput(stage, store, digestFiles);
  const refuse = async (what: string, failure?: string): Promise<StageResult> => {
    await checkpoints.remove(stage.planned.fingerprint);
    return { outcome: "failed", error: serializeError(inputChanged(stage.recipe.id, what, failure)) };
  };
  const before = await changed();
  if (before !== undefined) return refuse(before);
  const { fingerprint } = stage.planned;
  const result = await launchStage(context, executor, stage, grant, {
    outputs,
    checkpointDirectory: checkpoints.dataDirectory(fingerprint),
    checkpointMark: checkpoints.markFile(fingerprint),
  });
  const after = await changed();
  if (after === undefined) return result;
  return refuse(after, result.outcome === "failed" ? result.error.message : undefined);
}

/** Ends early on an interrupt. */
async function pause(milliseconds: number, signal: AbortSignal): Promise<void> {
  try {
    await sleep(milliseconds, undefined, { signal });
  } catch (error) {
    if (!signal.aborted) throw error;
  }
}
