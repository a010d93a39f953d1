/**
 * One file on any HTTP server, by its address. What pins its content is what the server says: its entity tag, else when it
 * was last modified, else the digest of what was read.
 */
import PQueue from "p-queue";
import { PipelineError, userError } from "../../errors.ts";
import { digestOf } from "../../std/digest.ts";
import { fetchOnce, withRetries, type RetryPolicy } from "../../std/http/http-retry.ts";
import { cachedRanges, type RangeCache } from "./range-cache.ts";
import { partHeaders, partOf, untilSilent, validatorOf } from "../../std/http/part-request.ts";
import { rangeUnsupported, RemoteFile } from "./remote-file.ts";
import type { Source, SourceEvents, SourceFile } from "./source.ts";
import { verifiedFile } from "./verified-file.ts";

export interface HttpOptions extends SourceEvents {
  readonly url: string;
  readonly retry?: RetryPolicy | undefined;
  /** Keeps the parts that are read, where the server says which version they are of. */
  readonly ranges?: RangeCache | undefined;
}

/** A server that gives files only whole gives them up to this size, which is then in memory. */
const MAX_WHOLE_BYTES = 256 * 1024 * 1024;

/** Throws URL_INVALID, HTTP_REFUSED, NETWORK_UNAVAILABLE or RANGE_UNSUPPORTED. */
export async function openHttp(options: HttpOptions): Promise<Source> {
  const url = parseUrl(options.url);
  const name = `${url.origin}${url.pathname}`; // a query may carry a signature
  const refused = (status: number): PipelineError => refusal(name, status);
  const { size, validator, origin, ranges } = await probe(name, url, refused, options);
  if (!ranges && size > MAX_WHOLE_BYTES) throw rangeUnsupported(name);
  const remote = new RemoteFile({
    ...options,
    what: name,
    url: url.href,
    size,
    limit: new PQueue({ concurrency: 4 }),
    refused,
    whole: !ranges,
    ...(validator === undefined ? {} : { validator: { origin, value: validator } }),
  });
  const path = decodeURIComponent(url.pathname.split("/").at(-1) ?? "") || url.hostname;
  const digest = validator === undefined ? undefined : `http:${digestOf(url.href)} ${validator}`;
  const file: SourceFile = { path, size, digest, open: remote.open };
  const read = verifiedFile(options.ranges === undefined ? file : cachedRanges(file, options.ranges), name);
  return {
    name,
    revision: validator ?? "unversioned",
    files: async function* (wanted = () => true) {
      if (wanted(path)) yield await Promise.resolve(read.file);
    },
    record: () => {
      const sha256 = read.sha256();
      const pinned = validator ?? sha256 ?? "unversioned";
      return { name, revision: pinned, files: [{ path, digest: sha256 ?? pinned, bytes: size }] };
    },
  };
}

/** The address as a URL. Throws URL_INVALID. */
function parseUrl(text: string): URL {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  const hint = "Give an address as https://host/path/file.jsonl.gz.";
  if (url === undefined || !/^https?:$/u.test(url.protocol))
    throw userError("URL_INVALID", `${JSON.stringify(text)} is no http or https address.`, hint);
  if (url.username !== "" || url.password !== "")
    throw userError(
      "URL_INVALID",
      `The address of ${url.host}${url.pathname} carries a name or password.`,
      "Recipes are kept and shown. Use an address that needs none, or download the file and name its path.",
    );
  return url;
}

interface Probe {
  readonly size: number;
  /** Entity tag or time of the last change. */
  readonly validator: string | undefined;
  /** Who said so: the address may have redirected. */
  readonly origin: string;
  /** Whether parts can be asked for. */
  readonly ranges: boolean;
}

/** Asks for the first byte: HEAD is not answered everywhere as GET is. */
const probe = (
  what: string,
  url: URL,
  refused: (status: number) => PipelineError,
  { signal, onNotice, retry }: HttpOptions,
): Promise<Probe> =>
  withRetries(
    () =>
      untilSilent(signal, async (guarded) => {
        const response = await fetchOnce(url, { headers: partHeaders(0, 1), signal: guarded });
        await response.body?.cancel();
        const version = { validator: validatorOf(response), origin: new URL(response.url).origin };
        const { status, headers } = response;
        if (status === 416 && headers.get("content-range") === "bytes */0")
          return { size: 0, ranges: true, ...version };
        if (!response.ok) throw refused(status);
        const part = partOf(response);
        if (part?.total !== undefined) return { size: part.total, ranges: true, ...version };
        const length = headers.get("content-length");
        if (part || length === null) throw unknownLength(what);
        return { size: Number(length), ranges: false, ...version };
      }),
    { what, signal, onNotice, ...retry },
  );

function refusal(name: string, status: number): PipelineError {
  const hint =
    status === 401 || status === 403
      ? "Only what needs no login is read. Download the file and name its path."
      : "Check the address in a browser.";
  return new PipelineError({
    code: "HTTP_REFUSED",
    message: `${name}: the server answered ${status}.`,
    hint,
    kind: status < 500 ? "user" : "failure",
  });
}

const unknownLength = (what: string): PipelineError =>
  new PipelineError({
    code: "RANGE_UNSUPPORTED",
    message: `${what}: the server says neither how large the file is nor gives parts of it.`,
    hint: "Download the file and name its path.",
  });
