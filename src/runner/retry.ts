/** Whether a stage that failed is started again, and after which pause. Pure; attempts.ts does it. */
import type { SerializedError } from "../errors.ts";
import type { Retry } from "../pipeline/stage.ts";
import { INPUT_CHANGED } from "./input-guard.ts";

const MAX_BACKOFF_MS = 600_000;

/**
 * The pause in milliseconds before the next try; undefined where there is none. `failures`: how many tries have
 * failed, this one included.
 */
export function pauseBeforeRetry(
  retry: Retry | undefined,
  error: SerializedError,
  failures: number,
): number | undefined {
  if (retry === undefined || failures >= retry.attempts) return undefined;
  // What the user wrote, and an input that changed, are the same at the next try.
  if (error.kind === "user" || error.code === INPUT_CHANGED) return undefined;
  if (retry.codes !== undefined && !retry.codes.includes(error.code)) return undefined;
  return Math.min(retry.backoffMs * 2 ** (failures - 1), retry.maxBackoffMs ?? MAX_BACKOFF_MS);
}
