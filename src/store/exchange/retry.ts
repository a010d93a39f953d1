/** Sends a request again where the fault may pass, waits longer each time, and says so. */
import pRetry from "p-retry";
import type { TransferOptions } from "./progress.ts";
import type { RemoteStore } from "./remote-store.ts";

const RETRIES = 4;
const FIRST_WAIT_MS = 500;

export function retrying<Answer>(
  remote: RemoteStore,
  what: string,
  { signal, onNotice }: TransferOptions,
  request: () => Promise<Answer>,
): Promise<Answer> {
  return pRetry(request, {
    retries: RETRIES,
    minTimeout: FIRST_WAIT_MS,
    signal,
    shouldRetry: ({ error }) => remote.isTransient(error),
    onFailedAttempt: ({ error, retriesLeft }) => {
      if (retriesLeft > 0 && remote.isTransient(error))
        onNotice(`${what}: ${error.message}; trying again, ${retriesLeft} more times at most`);
    },
  });
}
