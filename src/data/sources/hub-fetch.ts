/**
 * `fetch` for what a hub says about a repository: retried with its body, so that a body cut short, and one that stops
 * coming, is fetched again. The token goes to the endpoint's origin alone, whatever address a listing names for its next page.
 */
import { fetchOnce, withRetries, type RetryPolicy } from "../../std/http/http-retry.ts";
import { untilSilent } from "../../std/http/part-request.ts";
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
      () =>
        untilSilent(signal, async (guarded, alive) => {
          const url = input instanceof Request ? input.url : String(input);
          const own = new URL(url).origin === new URL(endpoint).origin ? headers : {};
          const sent = { ...Object.fromEntries(new Headers(init.headers)), ...own };
          const response = await fetchOnce(url, { ...init, headers: sent, signal: guarded });
          const body: Uint8Array[] = [];
          for await (const chunk of (response.body ?? []) as AsyncIterable<Uint8Array>) {
            alive();
            body.push(chunk);
          }
          const { status, statusText, headers: received } = response;
          const whole = body.length === 0 ? null : Buffer.concat(body);
          return new Response(whole, { status, statusText, headers: received });
        }),
      { what, signal, onNotice, ...retry },
    );
}
