/**
 * HTTP requests that are worth repeating: network failures, 408, 425, 429 and 5xx, with exponential backoff and
 * Retry-After (RFC 9110, 10.2.3). Every repetition is announced. Knows no particular server.
 */
import { setTimeout as delay } from "node:timers/promises";
import pRetry from "p-retry";
import { PipelineError } from "../../errors.ts";

export interface RetryPolicy {
  /** Repetitions after the first try; default 5. */
  readonly retries?: number | undefined;
  /** Pause before the first repetition, doubled for each further one; default 1,000. */
  readonly minTimeoutMs?: number | undefined;
}

export interface RetryOptions extends RetryPolicy {
  /** What is fetched, for messages. */
  readonly what: string;
  readonly signal?: AbortSignal | undefined;
  readonly onNotice?: ((message: string) => void) | undefined;
}

/** No server asks for more patience than this; a longer Retry-After is cut. */
const MAX_RETRY_AFTER_MS = 120_000;

/** A failure that may pass. */
export class TransientError extends Error {
  override readonly name = "TransientError";
  readonly retryAfterMs: number;

  constructor(message: string, options: { retryAfterMs?: number; cause?: unknown } = {}) {
    super(message, { cause: options.cause });
    this.retryAfterMs = options.retryAfterMs ?? 0;
  }
}

/** Runs `attempt` until it succeeds, fails for good, or throws TransientError too often: then NETWORK_UNAVAILABLE. */
export async function withRetries<T>(
  attempt: (attemptNumber: number) => Promise<T>,
  options: RetryOptions,
): Promise<T> {
  const { what, signal, onNotice, retries = 5, minTimeoutMs = 1000 } = options;
  try {
    return await pRetry(attempt, {
      retries,
      minTimeout: minTimeoutMs,
      maxTimeout: 60_000,
      factor: 2,
      ...(signal ? { signal } : {}),
      shouldRetry: ({ error }) => error instanceof TransientError,
      onFailedAttempt: async ({ error, retriesLeft }) => {
        if (!(error instanceof TransientError) || retriesLeft === 0) return;
        onNotice?.(`${what}: ${error.message}; trying again (${retriesLeft} tries left)`);
        if (error.retryAfterMs > 0) await delay(error.retryAfterMs, undefined, signal ? { signal } : {});
      },
    });
  } catch (error) {
    if (!(error instanceof TransientError)) throw error;
    throw new PipelineError({
      code: "NETWORK_UNAVAILABLE",
      message: `${what} could not be fetched: ${error.message}.`,
      hint: "Check the network, the proxy and the registry or endpoint settings, then run again: what was fetched so far is kept.",
      cause: error,
    });
  }
}

/** `fetch` whose passing failures are TransientErrors; a response with another status is returned as it is. */
export async function fetchOnce(url: string | URL, init: RequestInit): Promise<Response> {
  let response: Response;
  try {
    response = await fetch(url, init);
  } catch (error) {
    throw transient(error, init.signal);
  }
  const { status, headers } = response;
  if (status === 408 || status === 425 || status === 429 || status >= 500) {
    await response.body?.cancel();
    throw new TransientError(`the server answered ${status}`, {
      retryAfterMs: parseRetryAfter(headers.get("retry-after"), Date.now()),
    });
  }
  return response;
}

/** An error met while talking to a server: the caller's own abort stays what it is, all else may pass. */
export function transient(error: unknown, signal?: AbortSignal | null): unknown {
  if (signal?.aborted === true || error instanceof PipelineError) return error;
  const reason = error instanceof Error ? error : new Error(String(error));
  const cause = reason.cause instanceof Error ? `: ${reason.cause.message}` : "";
  return new TransientError(`${reason.message}${cause}`, { cause: error });
}

/** Seconds or an HTTP date, as milliseconds from now; 0 where there is none or it is past. */
export function parseRetryAfter(value: string | null, now: number): number {
  if (value === null) return 0;
  const ms = /^\d+$/u.test(value.trim()) ? Number(value) * 1000 : Date.parse(value) - now;
  return Number.isFinite(ms) ? Math.min(Math.max(0, ms), MAX_RETRY_AFTER_MS) : 0;
}
