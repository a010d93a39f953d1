/**
 * Datasets on ModelScope at one commit: listing and reads by byte range, by the requests that its own client makes
 * (modelscope_hub, `LegacyClient` and `HubApi.list_repo_commits`). The token of private sets is found as that client finds
 * it, another endpoint in MODELSCOPE_ENDPOINT. Knows no schema.
 */
import { z } from "zod";
import { PipelineError } from "../../errors.ts";
import { hubFetch } from "./hub-fetch.ts";
import { hubRefusal } from "./hub-refusal.ts";
import { findHubToken, MODELSCOPE_TOKEN } from "./hub-token.ts";
import {
  COMMIT,
  repositorySource,
  type RepositoryFile,
  type RepositoryOptions,
} from "./repository-source.ts";
import type { Source } from "./source.ts";

const HUB = "https://modelscope.cn";
/** Entries, folders among them; what its own client asks for. */
const PAGE_ENTRIES = 200;

const envelope = z.object({ Code: z.int(), Message: z.string().nullish(), Data: z.unknown() });
const commits = z.object({ Commit: z.array(z.object({ Id: z.string() })).nullish() });
const tree = z.object({
  Files: z
    .array(
      z.object({
        Path: z.string(),
        Type: z.enum(["blob", "tree"]),
        Size: z.int().nonnegative(),
        Sha256: z.string().nullish(),
      }),
    )
    .nullish(),
  /** Of all pages. */
  TotalCount: z.int().nonnegative().nullish(),
});

/** Throws HUB_ACCESS_DENIED, HUB_NOT_FOUND, HUB_REFUSED, LISTING_INCOMPLETE or NETWORK_UNAVAILABLE. */
export async function openModelScope(options: RepositoryOptions): Promise<Source> {
  const { repository, environment = process.env } = options;
  const revision = options.commit ?? options.revision;
  const name = `modelscope:${repository}`;
  const endpoint = (environment.MODELSCOPE_ENDPOINT || HUB).replace(/\/+$/u, "");
  const api = `${endpoint}/api/v1/datasets/${repository}`;
  const place = MODELSCOPE_TOKEN;
  const token = await findHubToken(place, environment);
  // Older addresses know the cookie, newer ones the header.
  const headers =
    token === undefined
      ? {}
      : { authorization: `Bearer ${token.value}`, cookie: `m_session_id=${token.value}` };
  const hub = { source: name, repository, revision, place, token, endpointVariable: "MODELSCOPE_ENDPOINT" };
  const fetched = hubFetch({ ...options, what: name, endpoint, headers });

  /** The answer's data. A refusal may come with status 200 and another code in the answer. */
  async function ask<T>(path: string, query: Record<string, string>, schema: z.ZodType<T>): Promise<T> {
    const response = await fetched(`${api}/${path}?${new URLSearchParams(query).toString()}`);
    if (!response.ok) throw hubRefusal(hub, response.status);
    const answer = envelope.safeParse(await response.json().catch(() => undefined));
    if (!answer.success) throw hubRefusal(hub, response.status, "without an answer of its API");
    const { Code: code, Message: message, Data: data } = answer.data;
    if (code !== 200) throw hubRefusal(hub, code, plain(message));
    const parsed = schema.safeParse(data ?? {});
    if (parsed.success) return parsed.data;
    throw hubRefusal(hub, code, plain(z.prettifyError(parsed.error)));
  }

  async function resolve(): Promise<string> {
    const query = { Ref: revision, PageNumber: "1", PageSize: "1" };
    const { Commit: newest } = await ask("commits", query, commits);
    const commit = newest?.[0]?.Id;
    if (commit === undefined) throw hubRefusal(hub, 404);
    if (!COMMIT.test(commit)) throw hubRefusal(hub, 200, `${JSON.stringify(commit)} is no commit`);
    return commit;
  }

  const commit = COMMIT.test(revision) ? revision : await resolve();

  /** A commit that is not there has no entries. */
  async function* list(): AsyncGenerator<RepositoryFile> {
    let listed = 0;
    for (let page = 1; ; page++) {
      const { Files: entries, TotalCount: total } = await ask(
        "repo/tree",
        { Revision: commit, Recursive: "True", PageNumber: String(page), PageSize: String(PAGE_ENTRIES) },
        tree,
      );
      for (const { Path: path, Type: type, Size: size, Sha256: sha256 } of entries ?? [])
        if (type === "blob")
          yield { path, size, digest: sha256 ? `sha256:${sha256.toLowerCase()}` : undefined, url: url(path) };
      const got = entries?.length ?? 0;
      listed += got;
      // Where the total is told it counts: a server may give shorter pages than it is asked for.
      if (got > 0 && (total == null ? got === PAGE_ENTRIES : listed < total)) continue;
      if (listed === 0) throw hubRefusal(hub, 404);
      if (total != null && listed !== total) throw incomplete(name, listed, total);
      return;
    }
  }

  const url = (path: string): string =>
    `${api}/repo?Source=SDK&Revision=${commit}&FilePath=${encodeURIComponent(path)}`;
  return repositorySource(
    { name, commit, list, headers, refused: (status) => hubRefusal(hub, status) },
    options,
  );
}

/** What a server says, in one line of bounded length. */
const plain = (text: string | null | undefined): string | undefined =>
  text?.replaceAll(/[\p{Cc}\s]+/gu, " ").slice(0, 200) || undefined;

const incomplete = (name: string, listed: number, total: number): PipelineError =>
  new PipelineError({
    code: "LISTING_INCOMPLETE",
    message: `${name}: the listing gave ${listed} entries of ${total}.`,
    hint: "Run again; if it happens again, use another endpoint (MODELSCOPE_ENDPOINT).",
  });
