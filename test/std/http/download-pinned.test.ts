import { spawnSync } from "node:child_process";
import { mkdir, readdir, readFile, writeFile } from "node:fs/promises";
import { hostname } from "node:os";
import { join } from "node:path";
import ssri from "ssri";
import { expect, onTestFinished, test } from "vitest";
import { downloadPinned, httpFetcher, type PinnedFile } from "../../../src/std/http/download-pinned.ts";
import { createRandom } from "../../../src/data/random.ts";
import { serveBytes, startServer, type Handler } from "../../data/sources/http-server.ts";
import { temporaryDirectory } from "../../data/sources/temporary-directory.ts";

const random = createRandom(7);
const content = Uint8Array.from({ length: 300_000 }, () => random.nextInt(256));
const pin = (bytes: Uint8Array, name = "thing@1.0.0"): PinnedFile => ({
  name,
  bytes: bytes.length,
  integrity: ssri.fromData(bytes, { algorithms: ["sha512"] }).toString(),
});

async function setUp(handler: Handler, file = pin(content)) {
  const server = await startServer(handler);
  onTestFinished(() => server[Symbol.asyncDispose]());
  const cacheDirectory = await temporaryDirectory();
  const notices: string[] = [];
  const progress: number[] = [];
  const options = {
    cacheDirectory,
    retry: { retries: 3, minTimeoutMs: 1 },
    onNotice: (message: string) => notices.push(message),
    onProgress: ({ doneBytes }: { doneBytes: number }) => progress.push(doneBytes),
  };
  const download = () => downloadPinned(file, httpFetcher(`${server.url}/file`, file, options), options);
  return { server, cacheDirectory, notices, progress, download };
}

test("a file is fetched once and then comes from the cache", async () => {
  const { server, download, progress } = await setUp((request, response) =>
    serveBytes(request, response, content),
  );
  const path = await download();
  expect(new Uint8Array(await readFile(path))).toEqual(content);
  expect(progress.at(-1)).toBe(content.length);
  expect(await download()).toBe(path);
  expect(server.requests).toHaveLength(1);
});

test("a connection that breaks off is taken up at the byte where it broke, guarded by If-Range", async () => {
  const { server, notices, download } = await setUp((request, response, count) => {
    if (count > 0) {
      serveBytes(request, response, content);
      return;
    }
    response.writeHead(200, { etag: '"v1"', "content-length": content.length });
    response.write(content.subarray(0, 100_000), () => response.destroy());
  });
  expect(new Uint8Array(await readFile(await download()))).toEqual(content);
  expect(server.requests).toHaveLength(2);
  const from = Number(/^bytes=(\d+)-/u.exec(server.requests[1]?.range ?? "")?.[1]);
  expect(from).toBeGreaterThan(0);
  expect(from).toBeLessThanOrEqual(100_000);
  expect(server.requests[1]?.headers["if-range"]).toBe('"v1"');
  expect(notices).toHaveLength(1);
});

test("a connection that breaks more often than a try is repeated comes to the end, as long as each gets further", async () => {
  const { server, notices, download } = await setUp((request, response) => {
    const from = Number(/^bytes=(\d+)-/u.exec(request.headers.range ?? "")?.[1] ?? 0);
    const part = content.subarray(from, from + 30_000);
    response.writeHead(206, {
      etag: '"v1"',
      "content-range": `bytes ${from}-${content.length - 1}/${content.length}`,
    });
    response.write(part, () => (from + part.length === content.length ? response.end() : response.destroy()));
  });
  expect(new Uint8Array(await readFile(await download()))).toEqual(content);
  expect(server.requests.length).toBeGreaterThan(9);
  expect(notices.at(-1)).toContain("3 tries left");
});

test("a file that changed between two tries is fetched from its beginning", async () => {
  const { download } = await setUp((request, response, count) => {
    if (count > 0) {
      serveBytes(request, response, content, '"v2"');
      return;
    }
    response.writeHead(200, { etag: '"v1"', "content-length": content.length });
    response.write(new Uint8Array(50_000), () => response.destroy());
  });
  expect(new Uint8Array(await readFile(await download()))).toEqual(content);
});

test("a server without ranges is read from the beginning again", async () => {
  const { server, download } = await setUp((_request, response, count) => {
    response.writeHead(200, { "content-length": content.length });
    if (count > 0) response.end(content);
    else response.write(content.subarray(0, 10_000), () => response.destroy());
  });
  expect(new Uint8Array(await readFile(await download()))).toEqual(content);
  expect(server.requests).toHaveLength(2);
});

test("only the pinned beginning of a larger file is fetched", async () => {
  const file = pin(content.subarray(0, 70_000));
  const { server, download } = await setUp(
    (request, response) => serveBytes(request, response, content),
    file,
  );
  expect(await readFile(await download())).toHaveLength(70_000);
  expect(server.requests[0]?.range).toBe("bytes=0-69999");
});

test("a server that is too busy is asked again after the time it names", async () => {
  const { server, notices, download } = await setUp((request, response, count) => {
    if (count === 0) response.writeHead(429, { "retry-after": "0" }).end();
    else if (count === 1) response.writeHead(503).end();
    else serveBytes(request, response, content);
  });
  await download();
  expect(server.requests).toHaveLength(3);
  expect(notices[0]).toContain("429");
});

test("wrong content is an error that names the file and both digests, and leaves nothing in the cache", async () => {
  const file = pin(content);
  const tampered = content.slice();
  tampered[12345] = (tampered[12345] ?? 0) ^ 1;
  const { cacheDirectory, download } = await setUp(
    (request, response) => serveBytes(request, response, tampered),
    file,
  );
  const found = ssri.fromData(tampered, { algorithms: ["sha512"] }).toString();
  const error = await download().catch((thrown: unknown) => thrown);
  expect(error).toMatchObject({ code: "DIGEST_MISMATCH" });
  expect(String(error)).toContain("thing@1.0.0");
  expect(String(error)).toContain(file.integrity);
  expect(String(error)).toContain(found);
  expect(await readdir(join(cacheDirectory, "by-digest"))).toEqual([]);
});

test("a damaged file in the cache is fetched again", async () => {
  const { server, notices, download } = await setUp((request, response) =>
    serveBytes(request, response, content),
  );
  const path = await download();
  await writeFile(path, content.subarray(0, 1000));
  await download();
  expect(new Uint8Array(await readFile(path))).toEqual(content);
  expect(server.requests).toHaveLength(2);
  expect(notices.join()).toContain("damaged");
});

test("no network is NETWORK_UNAVAILABLE with the number of tries that the policy allows", async () => {
  const { server, download } = await setUp((_request, response) => response.destroy());
  await expect(download()).rejects.toMatchObject({ code: "NETWORK_UNAVAILABLE", kind: "failure" });
  expect(server.requests).toHaveLength(4);
});

test("a refusal is not repeated", async () => {
  const { server, download } = await setUp((_request, response) => response.writeHead(404).end());
  await expect(download()).rejects.toMatchObject({ code: "DOWNLOAD_REFUSED" });
  expect(server.requests).toHaveLength(1);
});

/** The name that a process which is gone has left its partial file under. */
function abandonedName(file: PinnedFile): string {
  const { pid } = spawnSync(process.execPath, ["-e", ""]);
  const host = hostname().replaceAll(/[^\w-]/gu, "_");
  return `${ssri.parse(file.integrity, { single: true }).hexDigest()}.${host}.${pid}.0.partial`;
}

test("what a killed process had fetched is gone on with", async () => {
  const file = pin(content);
  const { server, cacheDirectory, download } = await setUp(
    (request, response) => serveBytes(request, response, content),
    file,
  );
  await mkdir(join(cacheDirectory, "by-digest"), { recursive: true });
  await writeFile(join(cacheDirectory, "by-digest", abandonedName(file)), content.subarray(0, 123_456));
  expect(new Uint8Array(await readFile(await download()))).toEqual(content);
  expect(server.requests.map(({ range }) => range)).toEqual(["bytes=123456-299999"]);
});

test("what a killed process had fetched wrongly is fetched anew", async () => {
  const file = pin(content);
  const { cacheDirectory, download } = await setUp(
    (request, response) => serveBytes(request, response, content),
    file,
  );
  await mkdir(join(cacheDirectory, "by-digest"), { recursive: true });
  await writeFile(join(cacheDirectory, "by-digest", abandonedName(file)), new Uint8Array(200_000));
  expect(new Uint8Array(await readFile(await download()))).toEqual(content);
});

test("two downloads of the same file at once both end with the right file", async () => {
  const { download, cacheDirectory } = await setUp((request, response) =>
    serveBytes(request, response, content),
  );
  const paths = await Promise.all([download(), download(), download()]);
  expect(new Set(paths).size).toBe(1);
  expect(new Uint8Array(await readFile(paths[0]))).toEqual(content);
  expect(await readdir(join(cacheDirectory, "by-digest"))).toHaveLength(1);
});

test("an abort stops the download and is not repeated", async () => {
  const controller = new AbortController();
  const server = await startServer((_request, response) => {
    response.writeHead(200, { "content-length": content.length });
    response.write(content.subarray(0, 1000));
    controller.abort(new Error("stopped by the user"));
  });
  onTestFinished(() => server[Symbol.asyncDispose]());
  const file = pin(content);
  const options = { cacheDirectory: await temporaryDirectory(), signal: controller.signal };
  await expect(downloadPinned(file, httpFetcher(server.url, file, options), options)).rejects.toThrow(
    "stopped by the user",
  );
  expect(server.requests).toHaveLength(1);
});
