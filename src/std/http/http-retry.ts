/**
 * HTTP requests that are worth repeating: network failures, 408, 425, 429 and 5xx, with exponential backoff and what the
 * server asks for. Every repetition is announced, with the pause before it. Knows no particular server.
 */
import { setTimeout as delay } from "node:timers/promises";
import pRetry from "p-retry";
import { PipelineError, userError } from "../../errors.ts";
import { pauseAskedFor } from "./asked-pause.ts";
import { unusedProxy } from "./unused-proxy.ts";

export interface RetryPolicy {
  /** Repetitions after the first try; default 5, and 10 where a server answers that it is too busy. */
  readonly retries?: number | undefined;
  /** Pause before the first repetition, doubled for each further one up to a minute; default 1,000. */
  readonly minTimeoutMs?: number | undefined;
}

export interface RetryOptions extends RetryPolicy {
  /** What is fetched, for messages. */
  readonly what: string;
  readonly signal?: AbortSignal | undefined;
  readonly onNotice?: ((message: string) => void) | undefined;
  /** What was got so far: a try that got more of it before it broke off counts as the first one. */
  readonly got?: (() => number) | undefined;
}

/** Half a minute without a connection. */
const RETRIES = 5;
/** Five minutes with a server that is there. */
const BUSY_RETRIES = 10;
const MAX_BACKOFF_MS = 60_000;

const checkAll =
  "Check the network, the proxy and the registry or endpoint settings, then run again: what was fetched so far is kept.";

/** A failure that may pass. */
export class TransientError extends Error {
  override readonly name = "TransientError";
  /** What a server that is too busy asks for; undefined where none answered so. */
  readonly pauseMs: number | undefined;

  constructor(message: string, options: { pauseMs?: number; cause?: unknown } = {}) {
    super(message, { cause: options.cause });
    this.pauseMs = options.pauseMs;
  }
}

/** Runs `attempt` until it succeeds, fails for good, or throws TransientError too often: then NETWORK_UNAVAILABLE. */
export async function withRetries<T>(
  attempt: (attemptNumber: number) => Promise<T>,
  options: RetryOptions,
): Promise<T> {
  const { what, signal, onNotice, retries, minTimeoutMs = 1000, got = () => 0 } = options;
  let failures = 0;
  let most = got();
  try {
    return await pRetry(attempt, {
      retries: Infinity, // counted here, where getting further starts the count again
      minTimeout: 0,
      maxTimeout: 0,
      ...(signal ? { signal } : {}),
      shouldRetry: async ({ error }) => {
        if (!(error instanceof TransientError)) return false;
        if (got() > most) failures = 0;
        most = Math.max(most, got());
        const left = (retries ?? (error.pauseMs === undefined ? RETRIES : BUSY_RETRIES)) - failures;
        if (left <= 0) return false;
        const pauseMs = Math.max(error.pauseMs ?? 0, Math.min(MAX_BACKOFF_MS, minTimeoutMs * 2 ** failures));
        failures++;
        onNotice?.(
          `${what}: ${error.message}; trying again in ${secondsOf(pauseMs)} (${left === 1 ? "the last try" : `${left} tries left`})`,
        );
        await delay(pauseMs, undefined, signal ? { signal } : {}).catch(() => signal?.throwIfAborted());
        return true;
      },
    });
  } catch (error) {
    if (!(error instanceof TransientError)) throw error;
    throw new PipelineError({
      code: "NETWORK_UNAVAILABLE",
      message: `${what} could not be fetched: ${error.message}.`,
      hint: [unusedProxy() ?? [], checkAll].flat().join(" "),
      cause: error,
    });
  }
}

/** `fetch` whose passing failures are TransientErrors; a response with another status is returned as it is. Throws ADDRESS_REFUSED. */
export async function fetchOnce(url: string | URL, init: RequestInit): Promise<Response> {
  let response: Response;
  try {
    response = await fetch(url, init);
  } catch (error) {
    checkSent(error, url);
    throw transient(error, init.signal);
  }
  const { status, headers } = response;
  if (status === 408 || status === 425 || status === 429 || status >= 500) {
    await response.body?.cancel();
    throw new TransientError(`the server answered ${status}`, {
      pauseMs: pauseAskedFor(headers, Date.now()),
    });
  }
  return response;
}

/** An error met while talking to a server: the caller's own abort stays what it is, all else may pass. */
export function transient(error: unknown, signal?: AbortSignal | null): unknown {
  if (signal?.aborted === true || error instanceof PipelineError || error instanceof TransientError)
    return error;
  const reason = error instanceof Error ? error : new Error(String(error));
  return new TransientError([reason.message, causeOf(reason) ?? []].flat().join(": "), { cause: error });
}

/** What `fetch` says where it asks nobody: of ports and schemes that the Fetch standard blocks. */
const refusals = ["bad port", "unknown scheme"];

function checkSent(error: unknown, url: string | URL): void {
  const cause = causeOf(error);
  if (cause === undefined || !refusals.includes(cause)) return;
  const { protocol, host } = new URL(url); // the rest may be secret
  throw userError(
    "ADDRESS_REFUSED",
    `${protocol}//${host} cannot be asked: ${cause}.`,
    "Use another port or scheme: browsers do not ask this one either (https://fetch.spec.whatwg.org/#port-blocking).",
  );
}

const causeOf = (error: unknown): string | undefined =>
  error instanceof Error && error.cause instanceof Error ? error.cause.message : undefined;

const secondsOf = (ms: number): string => `${Math.ceil(ms / 100) / 10} s`;
