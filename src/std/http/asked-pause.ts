/** How long a server that is too busy asks to be left alone. Knows no particular server. */

/** No server is waited for longer: the windows in which the Hugging Face Hub counts requests are that long. */
const MAX_PAUSE_MS = 300_000;

/**
 * Milliseconds that Retry-After (RFC 9110, 10.2.3; seconds or a date) names, or until the window of RateLimit ends where
 * nothing is left in it (draft-ietf-httpapi-ratelimit-headers-09: `"api";r=0;t=55`); 0 where neither says so.
 */
export function pauseAskedFor(headers: Headers, now: number): number {
  const ms = retryAfterMs(headers.get("retry-after"), now) ?? windowMs(headers.get("ratelimit")) ?? 0;
  return Math.min(Math.max(0, ms), MAX_PAUSE_MS);
}

function retryAfterMs(value: string | null, now: number): number | undefined {
  if (value === null) return undefined;
  const ms = /^\d+$/u.test(value.trim()) ? Number(value) * 1000 : Date.parse(value) - now;
  return Number.isFinite(ms) ? ms : undefined;
}

/** Several policies may be listed: the longest that is used up. */
function windowMs(value: string | null): number | undefined {
  const ends = (value ?? "").split(",").flatMap((policy) => {
    const usedUp = /;\s*r=0\s*(?:;|$)/u.test(policy);
    const seconds = /;\s*t=(\d+)\s*(?:;|$)/u.exec(policy)?.[1];
    return usedUp && seconds !== undefined ? [Number(seconds) * 1000] : [];
  });
  return ends.length === 0 ? undefined : Math.max(...ends);
}
