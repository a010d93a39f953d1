/** An npm registry on loopback with one package, `@scope/words@1.2.3`, to which npm is pointed for the length of a test. */
import { gzipSync } from "node:zlib";
import ssri from "ssri";
import { onTestFinished } from "vitest";
import tar from "tar-stream";
import { serveBytes, startServer, type TestServer } from "./http-server.ts";
import { temporaryDirectory } from "./temporary-directory.ts";

/** A tarball as npm makes it. */
export async function pack(files: Readonly<Record<string, string | Buffer>>): Promise<Buffer> {
  const archive = tar.pack();
  for (const [name, text] of Object.entries(files)) archive.entry({ name: `package/${name}` }, text);
  archive.finalize();
  const chunks: Uint8Array[] = [];
  for await (const chunk of archive as AsyncIterable<Uint8Array>) chunks.push(chunk);
  return gzipSync(Buffer.concat(chunks));
}

/** A registry as npm asks it: a packument and the tarball. */
export async function registry(
  tarball: Buffer,
  answer: (count: number) => number = () => 200,
): Promise<TestServer> {
  let tarballRequests = 0;
  const server: TestServer = await startServer((request, response) => {
    if (request.url?.endsWith(".tgz") === true) {
      const status = answer(tarballRequests++);
      if (status === 200) serveBytes(request, response, tarball);
      else response.writeHead(status).end();
      return;
    }
    if (decodeURIComponent(request.url ?? "") !== "/@scope/words") {
      response.writeHead(404, { "content-type": "application/json" }).end('{"error":"not found"}');
      return;
    }
    const dist = {
      tarball: `${server.url}/@scope/words/-/words-1.2.3.tgz`,
      integrity: ssri.fromData(tarball, { algorithms: ["sha512"] }).toString(),
    };
    const manifest = { name: "@scope/words", version: "1.2.3", dist };
    response.writeHead(200, { "content-type": "application/json" }).end(
      JSON.stringify({
        name: "@scope/words",
        "dist-tags": { latest: "1.2.3" },
        versions: { "1.2.3": manifest },
      }),
    );
  });
  onTestFinished(() => server[Symbol.asyncDispose]());
  const before = { ...process.env };
  onTestFinished(() => {
    process.env = before;
  });
  // The environment is where npm looks first for its settings.
  process.env = {
    ...before,
    npm_config_registry: `${server.url}/`,
    npm_config_cache: await temporaryDirectory(),
    npm_config_fetch_retries: "0",
    npm_config_update_notifier: "false",
    HTTPS_PROXY: "",
    https_proxy: "",
    HTTP_PROXY: "",
    http_proxy: "",
  };
  return server;
}
