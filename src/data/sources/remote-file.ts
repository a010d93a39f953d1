/**
 * One file on an HTTP server, read by ranges (RFC 9110, 14): in windows of bounded size, each fetched with retries that
 * go on at the byte where a connection broke. A file that changes between two reads is an error. Knows no particular
 * server, and never names the URL, which may carry a signature.
 */
import { createHash } from "node:crypto";
import type PQueue from "p-queue";
import { PipelineError } from "../../errors.ts";
import { fetchOnce, TransientError, withRetries, type RetryPolicy } from "../../std/http/http-retry.ts";
import { bodyUpTo, partHeaders, partOf, untilSilent, validatorOf } from "../../std/http/part-request.ts";
import type { SourceEvents, SourceFile } from "./source.ts";

export interface RemoteFileOptions extends SourceEvents {
  /** For messages, e.g. `hf:owner/name/data.parquet`. */
  readonly what: string;
  readonly url: string;
  readonly size: number;
  /** Sent to the origin of `url` alone: neither to where it redirects nor anywhere else. */
  readonly headers?: Readonly<Record<string, string>> | undefined;
  /** At most so many requests of one source at once. */
  readonly limit: PQueue;
  readonly retry?: RetryPolicy | undefined;
  /** The error for a status that is no success and not worth repeating. */
  readonly refused: (status: number) => PipelineError;
  /** The server gives it only as a whole: it is fetched once and kept in memory. */
  readonly whole?: boolean | undefined;
  /** The version that was found when the file was looked for, and the origin that said so. */
  readonly validator?: { readonly origin: string; readonly value: string } | undefined;
}

/** Most of what a broken connection costs, and what a reader holds in memory: twice this, with the window read ahead. */
export const WINDOW_BYTES = 8 * 1024 * 1024;
/** The first window where the reader may stop at any time. */
const FIRST_WINDOW_BYTES = 64 * 1024;

export class RemoteFile {
  readonly #options: RemoteFileOptions;
  /** Where `url` redirected to last: the Hub need not be asked for each range. */
  #storage: string | undefined;
  /** Entity tags, or times of change, by the origin that gave them: storage and Hub count differently. */
  readonly #validators = new Map<string, string>();
  /** Digests of parts by their place, where no server tells versions: a part that is read again must be the same. */
  readonly #parts = new Map<string, string>();
  #kept: Promise<Uint8Array> | undefined;

  constructor(options: RemoteFileOptions) {
    this.#options = options;
    const { validator } = options;
    if (validator) this.#validators.set(validator.origin, validator.value);
  }

  /** See `SourceFile.open`. Throws NETWORK_UNAVAILABLE, SOURCE_CHANGED, RANGE_UNSUPPORTED or what `refused` gives. */
  readonly open: SourceFile["open"] = (start = 0, end) => {
    if (this.#options.whole === true) return this.#part(start, end);
    return end === undefined ? this.#growing(start) : this.#ahead(start, Math.min(end, this.#options.size));
  };

  async *#part(start: number, end?: number): AsyncGenerator<Uint8Array> {
    this.#kept ??= this.#window(0, this.#options.size);
    yield (await this.#kept).subarray(start, end);
  }

  async *#growing(start: number): AsyncGenerator<Uint8Array> {
    let window = FIRST_WINDOW_BYTES;
    for (let at = start; at < this.#options.size; at += window, window = Math.min(WINDOW_BYTES, window * 4))
      yield await this.#window(at, Math.min(this.#options.size, at + window));
  }

  /** The next window is on its way while one is read. */
  async *#ahead(start: number, end: number): AsyncGenerator<Uint8Array> {
    const fetch = (at: number): Promise<Uint8Array> | undefined => {
      if (at >= end) return undefined;
      const window = this.#window(at, Math.min(end, at + WINDOW_BYTES));
      window.catch(() => undefined); // it is thrown where it is awaited, unless the reader stopped before
      return window;
    };
    let next = fetch(start);
    for (let at = start; next !== undefined; at += WINDOW_BYTES) {
      const bytes = await next;
      next = fetch(at + WINDOW_BYTES);
      yield bytes;
    }
  }

  async #window(start: number, end: number): Promise<Uint8Array> {
    const { what, limit, signal, onNotice, retry } = this.#options;
    const bytes = new Uint8Array(end - start);
    const progress = { filled: 0 };
    await limit.add(() =>
      withRetries(() => this.#fill(bytes, start, progress), {
        what,
        signal,
        onNotice,
        got: () => progress.filled,
        ...retry,
      }),
    );
    if (this.#validators.size === 0) this.#compare(bytes, start);
    return bytes;
  }

  #compare(bytes: Uint8Array, start: number): void {
    const place = `${start}-${start + bytes.length}`;
    const digest = createHash("sha256").update(bytes).digest("base64");
    const before = this.#parts.get(place);
    if (before !== undefined && before !== digest)
      throw sourceChanged(this.#options.what, `bytes ${place} are not what they were`);
    this.#parts.set(place, digest);
  }

  /** One request for what is missing yet; for all of it where the server knows no parts. */
  async #fill(bytes: Uint8Array, start: number, progress: { filled: number }): Promise<void> {
    const { signal, onFetched, what, whole } = this.#options;
    if (whole === true) progress.filled = 0;
    await untilSilent(signal, async (guarded, alive) => {
      const from = start + progress.filled;
      const end = start + bytes.length;
      const response = await this.#request(from, end, guarded);
      for await (const chunk of bodyUpTo(response, from, end, what)) {
        alive();
        bytes.set(chunk, progress.filled);
        progress.filled += chunk.length;
        onFetched?.(chunk.length);
      }
    });
  }

  async #request(from: number, to: number, signal: AbortSignal): Promise<Response> {
    const { url, headers, refused } = this.#options;
    const storage = this.#storage;
    if (storage !== undefined) {
      const response = await fetchOnce(storage, { headers: this.#partHeaders(from, to, storage), signal });
      if (response.ok) return this.#checked(response, from, to);
      await response.body?.cancel();
      this.#storage = undefined; // a signature that expired: ask for a new one
    }
    // fetch takes Authorization and Cookie off where a redirect leads to another origin (Fetch Standard, HTTP-redirect fetch).
    const response = await fetchOnce(url, {
      headers: { ...headers, ...this.#partHeaders(from, to, url) },
      signal,
    });
    if (!response.ok) {
      await response.body?.cancel();
      throw refused(response.status);
    }
    if (response.redirected && new URL(response.url).origin !== new URL(url).origin)
      this.#storage = response.url;
    return this.#checked(response, from, to);
  }

  #partHeaders(from: number, to: number, url: string): Record<string, string> {
    return partHeaders(from, to, this.#validators.get(new URL(url).origin));
  }

  async #checked(response: Response, from: number, to: number): Promise<Response> {
    try {
      this.#check(response, from, to);
      return response;
    } catch (error) {
      await response.body?.cancel();
      throw error;
    }
  }

  /** Throws unless the response is the range that was asked for, of the file that was read before. */
  #check(response: Response, from: number, to: number): void {
    const { what, size } = this.#options;
    const { origin } = new URL(response.url);
    const validator = validatorOf(response);
    const before = this.#validators.get(origin);
    if (before !== undefined && validator !== before)
      throw sourceChanged(what, `it was ${before} and is ${validator ?? "?"}`);
    if (validator !== undefined) this.#validators.set(origin, validator);
    const part = partOf(response);
    const total = part ? part.total : numberOf(response.headers.get("content-length"));
    if (part && (part.from !== from || part.to > to))
      throw new TransientError("the server sent another part than the one asked for");
    if (total !== undefined && total !== size)
      throw sourceChanged(what, `it had ${size} bytes and has ${total}`);
    if (!part && from !== 0) throw rangeUnsupported(what);
  }
}

const numberOf = (text: string | null): number | undefined => (text === null ? undefined : Number(text));

export function sourceChanged(what: string, how: string): PipelineError {
  return new PipelineError({
    code: "SOURCE_CHANGED",
    message: `${what} changed while it was read: ${how}.`,
    hint: "Run again; if it happens again, the server gives other content for the same revision: pin another one.",
  });
}

export function rangeUnsupported(what: string): PipelineError {
  return new PipelineError({
    code: "RANGE_UNSUPPORTED",
    message: `${what}: the server does not serve parts of files.`,
    hint: "Use another endpoint, or download the file and name its path.",
  });
}
