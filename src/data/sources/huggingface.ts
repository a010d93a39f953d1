/**
 * Datasets on the Hugging Face Hub at one commit: listing and reads by byte range. The token of gated sets is found as
 * Hugging Face's own tools find it, another endpoint (a mirror) in HF_ENDPOINT. Knows no schema.
 */
import { datasetInfo, HubApiError, listFiles, type ListFileEntry } from "@huggingface/hub";
import PQueue from "p-queue";
import { PipelineError } from "../../errors.ts";
import { findHubToken, type Environment, type HubToken } from "./hub-token.ts";
import { fetchOnce, transient, withRetries, type RetryPolicy } from "./http-retry.ts";
import { cachedRanges, type RangeCache } from "./range-cache.ts";
import { RemoteFile } from "./remote-file.ts";
import { safePath, type Source, type SourceEvents, type SourceFile } from "./source.ts";

export interface HuggingFaceOptions extends SourceEvents {
  /** `owner/name` */
  readonly repository: string;
  /** A commit; a branch or tag is resolved to one when the source is opened. */
  readonly revision: string;
  readonly retry?: RetryPolicy | undefined;
  /** Requests at once; default 4. */
  readonly concurrency?: number | undefined;
  /** Keeps the parts that are read, by digest of the file. */
  readonly ranges?: RangeCache | undefined;
  /** Default: the process's environment. */
  readonly environment?: Environment | undefined;
}

const HUB = "https://huggingface.co";
const COMMIT = /^[0-9a-f]{40}$/u;

/** Throws HUB_ACCESS_DENIED, HUB_NOT_FOUND, SOURCE_CHANGED or NETWORK_UNAVAILABLE. */
export async function openHuggingFace(options: HuggingFaceOptions): Promise<Source> {
  const { repository, revision, environment = process.env, concurrency = 4, ranges } = options;
  const name = `hf:${repository}`;
  const hubUrl = (environment.HF_ENDPOINT || HUB).replace(/\/+$/u, "");
  const token = await findHubToken(environment);
  const headers = token === undefined ? {} : { authorization: `Bearer ${token.value}` };
  const hub = { hubUrl, fetch: hubFetch(name, hubUrl, headers, options) };
  const denied = (status: number, cause?: unknown): PipelineError =>
    refusal(repository, revision, status, token, cause);
  const named = async <T>(request: () => Promise<T>): Promise<T> => {
    try {
      return await request();
    } catch (error) {
      throw error instanceof HubApiError ? denied(error.statusCode, error) : error;
    }
  };

  const { sha: commit } = await named(() =>
    datasetInfo({ name: repository, revision, additionalFields: ["sha"], ...hub }),
  );
  if (!COMMIT.test(commit) || (COMMIT.test(revision) && commit !== revision))
    throw notTheCommit(name, revision, commit);
  const limit = new PQueue({ concurrency });
  const opened = new Map<string, SourceFile>();

  const fileOf = ({ path, size, lfs, oid }: ListFileEntry): SourceFile => {
    const where = path.split("/").map(encodeURIComponent).join("/");
    const remote = new RemoteFile({
      ...options,
      what: `${name}/${path}`,
      url: `${hubUrl}/datasets/${repository}/resolve/${commit}/${where}`,
      size,
      headers,
      limit,
      refused: denied,
    });
    const digest = lfs ? `sha256:${lfs.oid}` : oid === undefined ? undefined : `git-sha1:${oid}`;
    const file: SourceFile = { path, size, digest, open: remote.open };
    const cached = ranges === undefined ? file : cachedRanges(file, ranges);
    return {
      ...cached,
      open: (start, end) => {
        opened.set(path, file);
        return cached.open(start, end);
      },
    };
  };

  return {
    name,
    revision: commit,
    files: async function* (wanted = () => true) {
      const entries = listFiles({
        repo: { type: "dataset", name: repository },
        revision: commit,
        recursive: true,
        ...hub,
      });
      for (;;) {
        const next = await named(() => entries.next());
        if (next.done === true) return;
        if (next.value.type === "file" && wanted(safePath(next.value.path, name))) yield fileOf(next.value);
      }
    },
    record: () => ({
      name,
      revision: commit,
      files: [...opened.values()]
        .map(({ path, size, digest }) => ({ path, digest: digest ?? "unknown", bytes: size }))
        .sort((a, b) => (a.path < b.path ? -1 : 1)),
    }),
  };
}

/**
 * The client's fetch, for JSON: retried with its body, so that a body cut short is fetched again. The token goes to the
 * endpoint's origin alone, whatever address a listing names for its next page.
 */
function hubFetch(
  what: string,
  hubUrl: string,
  headers: Readonly<Record<string, string>>,
  { signal, onNotice, retry }: HuggingFaceOptions,
): typeof fetch {
  return (input, init = {}) =>
    withRetries(
      async () => {
        const url = input instanceof Request ? input.url : String(input);
        const own = new URL(url).origin === new URL(hubUrl).origin ? headers : {};
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

function refusal(
  repository: string,
  revision: string,
  status: number,
  token: HubToken | undefined,
  cause: unknown,
): PipelineError {
  const what = `hf:${repository}`;
  if (status === 401 || status === 403) {
    const with_ = token === undefined ? ": no token is set" : ` with the token of ${token.origin}`;
    return new PipelineError({
      code: "HUB_ACCESS_DENIED",
      message: `${what} refuses access (${status})${with_}.`,
      hint: `Accept the terms on the page of ${repository}, make a read token there and set HF_TOKEN (or run: hf auth login).`,
      kind: "user",
      cause,
    });
  }
  if (status === 404 || status === 410) {
    return new PipelineError({
      code: "HUB_NOT_FOUND",
      message: `${what} does not exist at revision ${revision}.`,
      hint: "Check the repository and its revision in the recipe; a private repository needs HF_TOKEN.",
      kind: "user",
      cause,
    });
  }
  return new PipelineError({
    code: "HUB_REFUSED",
    message: `${what}: the Hub answered ${status}.`,
    hint: "Check HF_ENDPOINT, and the repository and its revision in the recipe.",
    cause,
  });
}

function notTheCommit(name: string, revision: string, commit: string): PipelineError {
  return new PipelineError({
    code: "SOURCE_CHANGED",
    message: `${name}: asked for revision ${revision}, the endpoint gives ${JSON.stringify(commit)}.`,
    hint: "Check HF_ENDPOINT: a mirror may lag behind or serve other content.",
  });
}
