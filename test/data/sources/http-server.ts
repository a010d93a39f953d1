/** A server on loopback whose every answer the test decides; counts nothing but keeps what was asked. */
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

export interface TestServer extends AsyncDisposable {
  readonly url: string;
  readonly requests: readonly {
    readonly url: string;
    readonly range: string;
    readonly headers: IncomingMessage["headers"];
  }[];
}

export type Handler = (request: IncomingMessage, response: ServerResponse, count: number) => void;

/** `count` is how many requests came before this one. */
export async function startServer(handler: Handler): Promise<TestServer> {
  const requests: { url: string; range: string; headers: IncomingMessage["headers"] }[] = [];
  const server = createServer((request, response) => {
    requests.push({ url: request.url ?? "", range: request.headers.range ?? "", headers: request.headers });
    handler(request, response, requests.length - 1);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}`,
    requests,
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

/** `server`, with which `other` ends too. */
export const endingBoth = (server: TestServer, other: TestServer): TestServer => ({
  ...server,
  [Symbol.asyncDispose]: async () => {
    await server[Symbol.asyncDispose]();
    await other[Symbol.asyncDispose]();
  },
});

/** Serves bytes as a good server does: ranges, a strong ETag, If-Range. */
export function serveBytes(
  request: IncomingMessage,
  response: ServerResponse,
  bytes: Uint8Array,
  etag = '"v1"',
): void {
  const range = /^bytes=(\d+)-(\d+)?$/u.exec(request.headers.range ?? "");
  const ifRange = request.headers["if-range"];
  if (!range || (ifRange !== undefined && ifRange !== etag)) {
    response.writeHead(200, { etag, "content-length": bytes.length }).end(bytes);
    return;
  }
  const start = Number(range[1]);
  const end = Math.min(bytes.length - 1, range[2] === undefined ? Infinity : Number(range[2]));
  if (start > end) {
    response.writeHead(416).end();
    return;
  }
  response
    .writeHead(206, {
      etag,
      "content-range": `bytes ${start}-${end}/${bytes.length}`,
      "content-length": end - start + 1,
    })
    .end(bytes.subarray(start, end + 1));
}
