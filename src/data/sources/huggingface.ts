/**
 * Datasets on the Hugging Face Hub at one commit: listing and reads by byte range. The token of gated sets comes from
 * HF_TOKEN and another endpoint (a mirror) from HF_ENDPOINT. Knows no schema.
 */
import { datasetInfo, downloadFile, HubApiError, listFiles } from "@huggingface/hub";
import { PipelineError } from "../../errors.ts";
import { fetchOnce, transient, TransientError, withRetries, type RetryPolicy } from "./http-retry.ts";
import type { Source, SourceEvents, SourceFile } from "./source.ts";

export interface HuggingFaceOptions extends SourceEvents {
  /** `owner/name` */
  readonly repository: string;
  /** A commit; a branch or tag is resolved to one when the source is opened. */
  readonly revision: string;
  readonly retry?: RetryPolicy | undefined;
  /** Default: the process's environment. */
  readonly environment?: Readonly<Record<string, string | undefined>> | undefined;
}

export interface HuggingFaceSource extends Source {
  readonly commit: string;
}

/** Streams are made of reads of this size, each retried by itself: a broken connection costs at most this much. */
const CHUNK_BYTES = 8 * 1024 * 1024;

/** Throws HUB_ACCESS_DENIED, HUB_NOT_FOUND or NETWORK_UNAVAILABLE. */
export async function openHuggingFace(options: HuggingFaceOptions): Promise<HuggingFaceSource> {
  const { repository, revision, environment = process.env } = options;
  const name = `hf:${repository}`;
  const hub = {
    fetch: hubFetch(name, options),
    ...(environment.HF_TOKEN ? { accessToken: environment.HF_TOKEN } : {}),
    ...(environment.HF_ENDPOINT ? { hubUrl: environment.HF_ENDPOINT.replace(/\/$/u, "") } : {}),
  };
  const repo = { type: "dataset", name: repository } as const;
  const { sha: commit } = await named(options, () =>
    datasetInfo({ name: repository, revision, additionalFields: ["sha"], ...hub }),
  );
  let readBytes = 0;

  const open = (path: string, size: number): SourceFile["open"] =>
    async function* (start = 0, end = size) {
      // Plain HTTP ranges: the chunked protocol of newer repositories fetches more than was asked for.
      const blob = await named(options, () =>
        downloadFile({ repo, path, revision: commit, xet: false, ...hub }),
      );
      if (!blob) throw notFound(`${name}/${path}`, commit);
      for (let at = start; at < end; at += CHUNK_BYTES) {
        const part = blob.slice(at, Math.min(end, at + CHUNK_BYTES));
        const bytes = new Uint8Array(await named(options, () => part.arrayBuffer()));
        readBytes += bytes.length;
        yield bytes;
      }
    };

  return {
    name,
    commit,
    files: async function* (wanted = () => true) {
      const entries = listFiles({ repo, revision: commit, recursive: true, ...hub });
      for (;;) {
        const next = await named(options, () => entries.next());
        if (next.done === true) return;
        const { type, path, size } = next.value;
        if (type === "file" && wanted(path)) yield { path, size, open: open(path, size) };
      }
    },
    record: () => ({ name, revision: commit, bytes: readBytes }),
  };
}

/**
 * The client's fetch: retried with its body, so that a body cut short is fetched again, and refused where a server
 * answers a range with the whole file.
 */
function hubFetch(what: string, { signal, onNotice, retry }: HuggingFaceOptions): typeof fetch {
  return (input, init = {}) =>
    withRetries(
      async () => {
        const range = new Headers(init.headers).get("range");
        const url = input instanceof Request ? input.url : input;
        const response = await fetchOnce(url, { ...init, ...(signal ? { signal } : {}) });
        if (range !== null && response.status === 200) {
          await response.body?.cancel();
          throw new PipelineError({
            code: "RANGE_UNSUPPORTED",
            message: `${what}: the endpoint does not serve parts of files.`,
            hint: "Use another endpoint (HF_ENDPOINT).",
          });
        }
        try {
          const body = await response.arrayBuffer();
          refuseShort(response, body.byteLength);
          const { status, statusText, headers } = response;
          return new Response(body.byteLength === 0 ? null : body, { status, statusText, headers });
        } catch (error) {
          throw transient(error, signal);
        }
      },
      { what, signal, onNotice, ...retry },
    );
}

function refuseShort(response: Response, received: number): void {
  const [, first, last] = /^bytes (\d+)-(\d+)/u.exec(response.headers.get("content-range") ?? "") ?? [];
  if (response.status !== 206 || first === undefined || last === undefined) return;
  const expected = Number(last) - Number(first) + 1;
  if (received !== expected) throw new TransientError(`${received} of ${expected} bytes arrived`);
}

/** The client's errors under our names. */
async function named<T>(
  { repository, revision, environment = process.env }: HuggingFaceOptions,
  request: () => Promise<T>,
): Promise<T> {
  try {
    return await request();
  } catch (error) {
    if (!(error instanceof HubApiError)) throw error;
    if (error.statusCode === 404) throw notFound(`hf:${repository}`, revision, error);
    if (error.statusCode !== 401 && error.statusCode !== 403) throw error;
    throw new PipelineError({
      code: "HUB_ACCESS_DENIED",
      message: `hf:${repository} refuses access (${error.statusCode})${environment.HF_TOKEN ? " with the token in HF_TOKEN" : ": no HF_TOKEN is set"}.`,
      hint: `Accept the terms on the page of ${repository}, make a read token there and set HF_TOKEN.`,
      kind: "user",
      cause: error,
    });
  }
}

function notFound(what: string, revision: string, cause?: unknown): PipelineError {
  return new PipelineError({
    code: "HUB_NOT_FOUND",
    message: `${what} does not exist at revision ${revision}.`,
    hint: "Check the repository and its revision in the recipe; a private repository needs HF_TOKEN.",
    kind: "user",
    cause,
  });
}
