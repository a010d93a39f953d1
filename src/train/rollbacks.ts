/**
 * Returning to an earlier step after a loss spike, with other data from there on (PaLM, arXiv:2204.02311, §5.1): what was
 * decided, on disk before it is acted upon. A run killed at any time takes the same way again: it meets the spike once more
 * and decides the same, or finds the decision.
 */
import { mkdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { isDeepStrictEqual } from "node:util";
import { PipelineError } from "../errors.ts";
import { errorCode } from "../std/error-code.ts";
import { isObject, type JsonObject } from "../std/json.ts";
import { syncFolder } from "../std/sync-folder.ts";
import { writeFileAtomic } from "../std/write-file-atomic.ts";
import type { SpikeAction } from "./loss-guard.ts";

type RollbackConfig = Extract<SpikeAction, { readonly action: "rollback" }>;

export interface Rollback {
  /** After this step the data goes on from `cursor`. */
  readonly toStep: number;
  readonly cursor: JsonObject;
  readonly spikeStep: number;
  readonly reason: string;
  /** What the spike's step was made from. */
  readonly rows: readonly string[];
}

/** The way that a run has taken. */
export interface RollbackLog {
  /** All that ever were. */
  readonly count: number;
  /** Those whose steps were kept, by ascending `toStep`: a later one to the same or an earlier step takes their place. */
  readonly standing: readonly Rollback[];
}

export const noRollbacks: RollbackLog = { count: 0, standing: [] };

export const addRollback = ({ count, standing }: RollbackLog, rollback: Rollback): RollbackLog => ({
  count: count + 1,
  standing: [...standing.filter(({ toStep }) => toStep < rollback.toStep), rollback],
});

/** The step to return to from a spike at `step`; 0 is the beginning. */
export const rollbackStep = (
  { rollbackEverySteps, rewindSteps }: Pick<RollbackConfig, "rollbackEverySteps" | "rewindSteps">,
  step: number,
): number => Math.floor(Math.max(0, step - rewindSteps) / rollbackEverySteps) * rollbackEverySteps;

/** Whether a spike after `now` may return to `step`. */
export const isRollbackPoint = (config: RollbackConfig, step: number, now: number): boolean =>
  step % config.rollbackEverySteps === 0 && step >= rollbackStep(config, now + 1);

/** Whether a checkpoint of `step`, written by a run that had returned as `theirs` says, lies on the way that `log` says. */
export const isOnWay = (theirs: RollbackLog, step: number, log: RollbackLog): boolean =>
  isDeepStrictEqual(
    theirs.standing,
    log.standing.filter(({ toStep }) => toStep < step),
  );

const fileName = "rollbacks.json";

/** Durable when it returns. */
export async function writeRollbacks(directory: string, log: RollbackLog): Promise<void> {
  await mkdir(directory, { recursive: true });
  await writeFileAtomic(
    join(directory, fileName),
    `${JSON.stringify({ formatVersion: 1, ...log }, null, 2)}\n`,
  );
  await syncFolder(directory);
}

/** Undefined where no rollback was decided in this folder. Throws `CHECKPOINT_DAMAGED`: without it no way is certain. */
export async function readRollbacks(directory: string): Promise<RollbackLog | undefined> {
  const path = join(directory, fileName);
  const text = await readFile(path, "utf8").catch((error: unknown) => {
    if (errorCode(error) === "ENOENT") return undefined;
    throw error;
  });
  if (text === undefined) return undefined;
  const damaged = (cause?: unknown) =>
    new PipelineError({
      code: "CHECKPOINT_DAMAGED",
      message: `${path} is not what was written: it says which data a run left out`,
      hint: `Remove the folder to start this training anew: ${directory}`,
      cause,
    });
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw damaged(cause);
  }
  if (!isRollbackLog(value)) throw damaged();
  return { count: value.count, standing: value.standing };
}

export function isRollbackLog(value: unknown): value is RollbackLog {
  return (
    isObject(value) &&
    Number.isSafeInteger(value["count"]) &&
    Array.isArray(value["standing"]) &&
    value["standing"].every(
      (each: unknown) =>
        isObject(each) &&
        Number.isSafeInteger(each["toStep"]) &&
        Number.isSafeInteger(each["spikeStep"]) &&
        isObject(each["cursor"]) &&
        typeof each["reason"] === "string" &&
        Array.isArray(each["rows"]) &&
        each["rows"].every((row: unknown) => typeof row === "string"),
    )
  );
}
