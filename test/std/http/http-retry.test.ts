/** How often and how long a server is waited for, and what is said about it. */
import { expect, test } from "vitest";
import { pauseAskedFor } from "../../../src/std/http/asked-pause.ts";
import {
  fetchOnce,
  TransientError,
  withRetries,
  type RetryOptions,
} from "../../../src/std/http/http-retry.ts";

async function failing(pauseMs: number | undefined, options: Partial<RetryOptions> = {}) {
  const notices: string[] = [];
  let tries = 0;
  const outcome: unknown = await withRetries(
    () => {
      tries++;
      return Promise.reject(
        new TransientError("the server answered 503", pauseMs === undefined ? {} : { pauseMs }),
      );
    },
    { what: "file", minTimeoutMs: 1, onNotice: (message) => notices.push(message), ...options },
  ).catch((error: unknown) => error);
  return { outcome, tries, notices };
}

test("each notice says how long the pause is and how many tries are left; it grows, or is as long as the server asks", async () => {
  const growing = await failing(undefined, { minTimeoutMs: 100, retries: 3 });
  expect(growing.notices).toEqual([
    "file: the server answered 503; trying again in 0.1 s (3 tries left)",
    "file: the server answered 503; trying again in 0.2 s (2 tries left)",
    "file: the server answered 503; trying again in 0.4 s (the last try)",
  ]);
  const asked = await failing(300, { retries: 1 });
  expect(asked.notices).toEqual(["file: the server answered 503; trying again in 0.3 s (the last try)"]);
  expect(asked.outcome).toMatchObject({ code: "NETWORK_UNAVAILABLE" });
});

test("a server that is there and too busy is tried more often than one that is not there", async () => {
  expect((await failing(undefined)).tries).toBe(6);
  expect((await failing(0)).tries).toBe(11);
  expect((await failing(0, { retries: 2 })).tries).toBe(3);
});

test("an address that fetch refuses to ask is told at once, without what may be secret in it", async () => {
  const notices: string[] = [];
  const outcome = withRetries(() => fetchOnce("http://127.0.0.1:6000/file?token=secret", {}), {
    what: "file",
    onNotice: (message) => notices.push(message),
  });
  await expect(outcome).rejects.toMatchObject({
    code: "ADDRESS_REFUSED",
    message: "http://127.0.0.1:6000 cannot be asked: bad port.",
  });
  expect(notices).toEqual([]);
});

test("no try comes before the pause is over, and an end that the caller makes ends the pause", async () => {
  const controller = new AbortController();
  const reason = new Error("stopped by the user");
  const { outcome, tries } = await failing(300_000, {
    signal: controller.signal,
    onNotice: () => setTimeout(() => controller.abort(reason), 50),
  });
  expect([outcome, tries]).toEqual([reason, 1]);
});

test("tries that get nothing more are counted, whatever others got before", async () => {
  const got = [10, 20, 20, 5, 20, 15, 20];
  let tries = 0;
  const outcome = withRetries(() => Promise.reject(new TransientError(`broke off ${++tries}`)), {
    what: "file",
    minTimeoutMs: 1,
    retries: 3,
    got: () => (tries === 0 ? 0 : (got[tries - 1] ?? 0)),
  });
  await expect(outcome).rejects.toMatchObject({ message: "file could not be fetched: broke off 5." });
});

test("the pause is Retry-After in seconds or as a date, or the rest of a used up window, and five minutes at most", () => {
  const now = Date.parse("2025-01-01T00:00:00Z");
  const pause = (headers: Record<string, string>) => pauseAskedFor(new Headers(headers), now);
  expect(pause({ "retry-after": "7" })).toBe(7000);
  expect(pause({ "retry-after": "Wed, 01 Jan 2025 00:00:30 GMT" })).toBe(30_000);
  expect(pause({ "retry-after": "Tue, 31 Dec 2024 00:00:00 GMT" })).toBe(0);
  expect(pause({ "retry-after": "86400" })).toBe(300_000);
  expect(pause({ "retry-after": "soon" })).toBe(0);
  expect(pause({})).toBe(0);
  // The example of huggingface_hub's `parse_ratelimit_headers`.
  const policy = { "ratelimit-policy": '"fixed window";"api";q=500;w=300' };
  expect(pause({ ratelimit: '"api";r=0;t=55', ...policy })).toBe(55_000);
  expect(pause({ ratelimit: '"api";r=496;t=246', ...policy })).toBe(0); // refused for another reason
  expect(pause({ ratelimit: '"hour";r=4;t=600, "api";r=0;t=12' })).toBe(12_000);
  expect(pause({ ratelimit: "anything else" })).toBe(0);
});
