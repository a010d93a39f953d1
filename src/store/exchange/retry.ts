/** Sends a request again where the fault may pass, waits longer each time, and says so. */
import pRetry from "p-retry";
import { PipelineError } from "../../errors.ts";
import type { TransferOptions } from "./progress.ts";
import type { RemoteStore } from "./remote-store.ts";

const RETRIES = 4;
const FIRST_WAIT_MS = 500;

/** Throws `REMOTE_FAILED` where the system or the network fails in the end. */
export async function retrying<Answer>(
  remote: RemoteStore,
  what: string,
  { signal, onNotice }: TransferOptions,
  request: () => Promise<Answer>,
): Promise<Answer> {
  const answer = pRetry(request, {
    retries: RETRIES,
    minTimeout: FIRST_WAIT_MS,
    signal,
    shouldRetry: ({ error }) => remote.isTransient(error),
    onFailedAttempt: ({ error, retriesLeft }) => {
      if (retriesLeft > 0 && remote.isTransient(error))
        onNotice(`${what}: ${error.message}; trying again, ${retriesLeft} more times at most`);
    },
  });
  try {
    return await answer;
  } catch (error) {
    signal.throwIfAborted();
    if (!isSystemError(error)) throw error;
    throw new PipelineError({
      code: "REMOTE_FAILED",
      message: `${what} of ${remote.url}: ${error.message}`,
      hint: "the same command again goes on where this one ended",
      cause: error,
    });
  }
}

/** What Node throws for files and sockets. */
const isSystemError = (error: unknown): error is Error =>
  error instanceof Error && !(error instanceof PipelineError) && "code" in error && "syscall" in error;
