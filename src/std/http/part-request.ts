/**
 * One request for a part of a file (RFC 9110, 14): its headers, what the answer says of itself, its body up to the byte that
 * was asked for, and an end to a connection on which nothing comes. Whether an answer will do, and what happens after one that
 * breaks off, is its callers' business.
 */
import { transient, TransientError } from "./http-retry.ts";

/** No byte for this long and the connection is given up (and tried again). */
const IDLE_MS = 60_000;

/** Bytes [from, to), if it is still the version that `validator` names; else the whole. Weak ones say too little (13.1.5). */
export function partHeaders(from: number, to: number, validator?: string): Record<string, string> {
  const range = { range: `bytes=${from}-${to - 1}`, "accept-encoding": "identity" };
  return validator?.startsWith('"') === true ? { ...range, "if-range": validator } : range;
}

/** What a server says of a file's version. */
export const validatorOf = ({ headers }: Response): string | undefined =>
  headers.get("etag") ?? headers.get("last-modified") ?? undefined;

export interface Part {
  readonly from: number;
  /** Not included. */
  readonly to: number;
  /** Of the file; undefined where the server does not tell. */
  readonly total: number | undefined;
}

/**
 * The part that an answer gives; undefined where it is the whole file. ModelScope answers a range with 200 for 206: Content-Range
 * alone tells. Throws TransientError for a 206 that does not say which part.
 */
export function partOf({ status, headers }: Response): Part | undefined {
  const [, from, last, total] =
    /^bytes (\d+)-(\d+)\/(\d+|\*)$/u.exec(headers.get("content-range") ?? "") ?? [];
  if (from !== undefined)
    return {
      from: Number(from),
      to: Number(last) + 1,
      total: total === "*" ? undefined : Number(total),
    };
  if (status === 206) throw new TransientError("the server sent a part without saying which");
  return undefined;
}

/**
 * Runs `exchange`, which calls `alive` whenever bytes came. What goes wrong with the connection is a TransientError, one that
 * fell silent as well; the caller's own abort stays what it is.
 */
export async function untilSilent<T>(
  signal: AbortSignal | undefined,
  exchange: (signal: AbortSignal, alive: () => void) => Promise<T>,
): Promise<T> {
  const idle = new AbortController();
  const timer = setTimeout(() => idle.abort(new TransientError("no byte arrived for a minute")), IDLE_MS);
  try {
    return await exchange(AbortSignal.any(signal ? [signal, idle.signal] : [idle.signal]), () =>
      timer.refresh(),
    );
  } catch (error) {
    throw transient(error, signal);
  } finally {
    clearTimeout(timer);
  }
}

/** The body, which begins at byte `from`, as far as `to`. Throws TransientError where it ends before. */
export async function* bodyUpTo(
  response: Response,
  from: number,
  to: number,
  what: string,
): AsyncGenerator<Uint8Array> {
  let at = from;
  const body = (response.body ?? []) as AsyncIterable<Uint8Array>; // its element type is any
  for await (const chunk of body) {
    const wanted = chunk.subarray(0, to - at);
    at += wanted.length;
    yield wanted;
    if (at === to) return; // leaving the loop cancels the body
  }
  if (at < to) throw new TransientError(`the connection ended at byte ${at} of ${what}`);
}
