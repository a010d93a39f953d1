/**
 * A server that behaves as ModelScope does towards its own client: the commits of a ref, a dataset's tree in numbered pages,
 * and files that are served by itself (a range with status 200, as it does) or from storage on another origin.
 */
import { createHash } from "node:crypto";
import type { IncomingMessage, ServerResponse } from "node:http";
import { endingBoth, serveBytes, startServer, type TestServer } from "./http-server.ts";

type Files = Readonly<Record<string, Uint8Array>>;

export interface ModelScope {
  readonly server: TestServer;
  readonly storage: TestServer;
  /** Another commit on `master`, with these files. Answers its name. */
  readonly commit: (files: Files) => string;
  /** The commit that `master` is at. */
  readonly head: () => string;
  /** Paths of files that are served by the server itself, as small ones are. */
  readonly small: Set<string>;
}

export interface ModelScopeOptions {
  /** True where it has answered by itself. */
  readonly intercept?: (request: IncomingMessage, response: ServerResponse, count: number) => boolean;
  /** Entries of a page at most, whatever is asked for. */
  readonly pageEntries?: number;
  /** What the listing says of how many entries there are; as there are by default, `null` for nothing. */
  readonly totalCount?: number | null;
}

const sha256 = (bytes: Uint8Array): string => createHash("sha256").update(bytes).digest("hex");

export async function startModelScope(
  repository: string,
  files: Files,
  { intercept = () => false, pageEntries = Infinity, totalCount }: ModelScopeOptions = {},
): Promise<ModelScope> {
  const history = new Map<string, Files>();
  const small = new Set<string>();
  let head = "";
  const commit = (next: Files): string => {
    head = createHash("sha1").update(`commit ${history.size}`).digest("hex");
    history.set(head, next);
    return head;
  };
  commit(files);
  const at = (ref: string): Files | undefined => history.get(ref === "master" ? head : ref);

  const storage = await startServer((request, response) => {
    const url = new URL(request.url ?? "", "http://storage");
    const bytes = [...history.values()]
      .flatMap((one) => Object.values(one))
      .find((one) => `/${sha256(one)}` === url.pathname);
    if (bytes) serveBytes(request, response, bytes, `"${sha256(bytes)}"`);
    else response.writeHead(403).end();
  });
  const server: TestServer = await startServer((request, response, count) => {
    if (intercept(request, response, count)) return;
    const url = new URL(request.url ?? "", server.url);
    const query = (name: string): string => url.searchParams.get(name) ?? "";
    const json = (status: number, value: object): void => {
      response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(value));
    };
    const answer = (data: object): void =>
      json(200, { Code: 200, Data: data, Message: "success", RequestId: "1", Success: true });
    const base = `/api/v1/datasets/${repository}`;
    if (url.pathname === `${base}/commits`) {
      const known = at(query("Ref")) !== undefined;
      answer({ Commit: known ? [{ Id: head, ShortId: head.slice(0, 8) }] : null, TotalCount: known ? 1 : 0 });
    } else if (url.pathname === `${base}/repo/tree`) {
      const entries = entriesOf(at(query("Revision")) ?? {});
      const size = Math.min(Number(query("PageSize")), pageEntries);
      const from = (Number(query("PageNumber")) - 1) * size;
      const total = totalCount === undefined ? { TotalCount: entries.length } : {};
      answer({
        Files: entries.slice(from, from + size),
        ...(typeof totalCount === "number" ? { TotalCount: totalCount } : total),
      });
    } else if (url.pathname === `${base}/repo`) {
      const path = query("FilePath");
      const bytes = at(query("Revision"))?.[path];
      if (bytes === undefined) json(404, { Code: 10010205001, Message: "文件不存在", Success: false });
      else if (small.has(path)) serveSmall(request, response, bytes);
      else response.writeHead(302, { location: `${storage.url}/${sha256(bytes)}?signature=1` }).end();
    } else json(404, { Code: 10010205001, Message: "数据集不存在", Success: false });
  });
  return {
    server: endingBoth(server, storage),
    storage,
    commit,
    head: () => head,
    small,
  };
}

/** Folders before what is in them, as `Recursive` gives them. */
function entriesOf(files: Files): object[] {
  const folders = new Set<string>();
  return Object.entries(files).flatMap(([path, bytes]) => {
    const parents = path
      .split("/")
      .slice(0, -1)
      .map((_, index, all) => all.slice(0, index + 1).join("/"))
      .filter((folder) => !folders.has(folder));
    for (const folder of parents) folders.add(folder);
    return [
      ...parents.map((folder) => ({ Path: folder, Type: "tree", Size: 0, Sha256: "" })),
      { Path: path, Type: "blob", Size: bytes.length, Sha256: sha256(bytes), IsLFS: true },
    ];
  });
}

/** A range is answered with 200 and Content-Range; there is no ETag. */
function serveSmall(request: IncomingMessage, response: ServerResponse, bytes: Uint8Array): void {
  const range = /^bytes=(\d+)-(\d+)$/u.exec(request.headers.range ?? "");
  const start = Number(range?.[1] ?? 0);
  const end = Math.min(bytes.length - 1, Number(range?.[2] ?? Infinity));
  response
    .writeHead(200, {
      "content-length": end - start + 1,
      ...(range ? { "content-range": `bytes ${start}-${end}/${bytes.length}` } : {}),
    })
    .end(bytes.subarray(start, end + 1));
}
