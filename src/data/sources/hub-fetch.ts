/**
 * `fetch` for what a hub says about a repository: retried with its body, so that a body cut short is fetched again. The
 * token goes to the endpoint's origin alone, whatever address a listing names for its next page.
 */
import { fetchOnce, transient, withRetries, type RetryPolicy } from "../../std/http/http-retry.ts";
import type { SourceEvents } from "./source.ts";

export interface HubFetchOptions extends SourceEvents {
  /** For messages. */
  readonly what: string;
  readonly endpoint: string;
  /** The token's. */
  readonly headers: Readonly<Record<string, string>>;
  readonly retry?: RetryPolicy | undefined;
}

export function hubFetch({
  what,
  endpoint,
  headers,
  signal,
  onNotice,
  retry,
}: HubFetchOptions): typeof fetch {
  return (input, init = {}) =>
    withRetries(
      async () => {
        const url = input instanceof Request ? input.url : String(input);
        const own = new URL(url).origin === new URL(endpoint).origin ? headers : {};
        const sent = { ...Object.fromEntries(new Headers(init.headers)), ...own };
        const response = await fetchOnce(url, { ...init, headers: sent, ...(signal ? { signal } : {}) });
        try {
          const body = await response.arrayBuffer();
          const { status, statusText, headers: received } = response;
          return new Response(body.byteLength === 0 ? null : body, { status, statusText, headers: received });
        } catch (error) {
          throw transient(error, signal);
        }
      },
      { what, signal, onNotice, ...retry },
    );
}
