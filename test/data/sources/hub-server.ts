/**
 * A server that behaves as the Hugging Face Hub does towards its own client: info of a repository, a tree in pages of three,
 * and `resolve` that redirects to storage on another origin, which serves ranges.
 */
import { createHash } from "node:crypto";
import type { IncomingMessage, ServerResponse } from "node:http";
import { endingBoth, serveBytes, startServer, type TestServer } from "./http-server.ts";

export interface Hub {
  readonly server: TestServer;
  readonly storage: TestServer;
  /** The first one. */
  readonly commit: string;
  /** Moves every branch to another commit, with these files. */
  readonly move: (files: Readonly<Record<string, Uint8Array>>) => void;
  /** Sends later readers of files there. */
  readonly redirectTo: (storageUrl: string) => void;
  /** Of all files in storage; `"v1"` at first. */
  readonly setEtag: (etag: string) => void;
  /** Addresses in storage that were given out are refused from now on. */
  readonly expireLinks: () => void;
}

const PAGE = 3;

/** What git names the content by. */
const gitSha1 = (bytes: Uint8Array): string =>
  createHash("sha1").update(`blob ${bytes.length}\0`).update(bytes).digest("hex");

export async function startHub(
  repository: string,
  files: Readonly<Record<string, Uint8Array>>,
  /** True where it has answered by itself. */
  intercept: (request: IncomingMessage, response: ServerResponse, count: number) => boolean = () => false,
  type: "dataset" | "model" = "dataset",
): Promise<Hub> {
  const api = `/api/${type}s/${repository}`;
  const page = type === "model" ? repository : `datasets/${repository}`;
  const commit = "0123456789abcdef0123456789abcdef01234567";
  const history = new Map([[commit, files]]);
  let head = commit;
  let etag = '"v1"';
  let links = 0;
  const storage = await startServer((request, response) => {
    const url = new URL(request.url ?? "", "http://storage");
    const [at = "", path = ""] = url.pathname.replace("/storage/", "").split(/\/(.*)/su);
    const bytes = history.get(at)?.[decodeURIComponent(path)];
    if (Number(url.searchParams.get("signature")) < links) response.writeHead(403).end();
    else if (bytes) serveBytes(request, response, bytes, etag);
    else response.writeHead(404).end();
  });
  let storageUrl = storage.url;
  const server: TestServer = await startServer((request, response, count) => {
    if (intercept(request, response, count)) return;
    const url = new URL(request.url ?? "", server.url);
    const json = (value: unknown, headers: Record<string, string> = {}): void => {
      response.writeHead(200, { "content-type": "application/json", ...headers }).end(JSON.stringify(value));
    };
    if (url.pathname.startsWith(`${api}/revision/`)) {
      const asked = url.pathname.split("/revision/")[1] ?? "";
      json({
        _id: "1",
        id: repository,
        sha: history.has(asked) ? asked : head,
        private: false,
        gated: false,
        downloads: 0,
        likes: 0,
        lastModified: "2024-01-01T00:00:00.000Z",
      });
    } else if (url.pathname.startsWith(`${api}/tree/`)) {
      const from = Number(url.searchParams.get("cursor") ?? 0);
      const all = Object.entries(history.get(url.pathname.split("/tree/")[1] ?? "") ?? {}).map(
        ([path, bytes]) => ({
          type: "file",
          path,
          size: bytes.length,
          oid: gitSha1(bytes),
        }),
      );
      url.searchParams.set("cursor", String(from + PAGE));
      const next = from + PAGE < all.length ? { link: `<${url.href}>; rel="next"` } : undefined;
      json(all.slice(from, from + PAGE), next);
    } else if (url.pathname.startsWith(`/${page}/resolve/`)) {
      const path = url.pathname.split("/resolve/")[1] ?? "";
      response.writeHead(302, { location: `${storageUrl}/storage/${path}?signature=${links}` }).end();
    } else {
      response.writeHead(404, { "content-type": "application/json" }).end('{"error":"not found"}');
    }
  });
  return {
    server: endingBoth(server, storage),
    storage,
    commit,
    move: (next) => {
      head = createHash("sha1").update(`commit ${history.size}`).digest("hex");
      history.set(head, next);
    },
    redirectTo: (url) => (storageUrl = url),
    setEtag: (next) => (etag = next),
    expireLinks: () => links++,
  };
}
