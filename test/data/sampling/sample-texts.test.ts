/** Text from files of every format and every place, through the sampler, into a manifest that reconciles. */
import { createHash } from "node:crypto";
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { expect, onTestFinished, test } from "vitest";
import { readDocuments } from "../../../src/data/documents/dataset.ts";
import { downloadSample } from "../../../src/data/sampling/download-sample.ts";
import { downloadSampleParams } from "../../../src/data/sampling/sample-params.ts";
import { collect } from "../../../src/std/collect.ts";
import { openHttp } from "../../../src/data/sources/http.ts";
import { formatFixture } from "../formats/in-memory.ts";
import { serveBytes, startServer } from "../sources/http-server.ts";
import { temporaryDirectory } from "../sources/temporary-directory.ts";
import { serveHub } from "./industry-repository.ts";
import { sampleDirectories } from "./sample-directories.ts";

const texts = { language: "en", category: "notes", characters: 1_000_000 } as const;

async function run(source: object, cacheDir?: string) {
  const outputs = await sampleDirectories();
  const manifests = await downloadSample(
    downloadSampleParams.parse({ seed: 1, heldOutFraction: 0, onShortfall: "report", sources: [source] }),
    {
      cacheDir: cacheDir ?? (await temporaryDirectory()),
      workDirectory: join(await temporaryDirectory(), "work"),
      outputs,
      retry: { retries: 2, minTimeoutMs: 1 },
    },
  );
  const documents = await collect(readDocuments(outputs.corpus, "train"));
  return { corpus: manifests.corpus, texts: documents.map(({ text }) => text) };
}

const sha256 = (bytes: Uint8Array): string => `sha256:${createHash("sha256").update(bytes).digest("hex")}`;

test("a folder of every format gives all its texts, with a digest for each file", async () => {
  const folder = await temporaryDirectory();
  await mkdir(join(folder, "sub"));
  await writeFile(join(folder, "a.parquet"), await formatFixture("duckdb-zstd.parquet"));
  await writeFile(join(folder, "sub", "b.jsonl.zst"), await formatFixture("documents.jsonl.zst"));
  await writeFile(join(folder, "c.txt.gz"), gzipSync("Plain text."));
  await writeFile(join(folder, "d.md"), "# Markdown");
  const { corpus, texts: found } = await run({ kind: "local", path: folder, ...texts });
  expect(found).toHaveLength(2100 + 3000 + 2);
  expect(found).toEqual(
    expect.arrayContaining(["document 2099", "document 2999, 第2999篇", "Plain text.", "# Markdown"]),
  );
  expect(corpus.sources[0]?.files?.map(({ path }) => path)).toEqual([
    "a.parquet",
    "c.txt.gz",
    "d.md",
    "sub/b.jsonl.zst",
  ]);
  expect(corpus.sources[0]?.files?.[0]?.digest).toBe(sha256(await formatFixture("duckdb-zstd.parquet")));
});

async function webServer(bytes: Uint8Array, etag: () => string = () => '"v1"') {
  const server = await startServer((request, response, count) => {
    if (count === 1) response.writeHead(503, { "retry-after": "0" }).end();
    else serveBytes(request, response, bytes, etag());
  });
  onTestFinished(() => server[Symbol.asyncDispose]());
  return server;
}

test("a file on a web server: revision and digest in the manifest, every part fetched once", async () => {
  const bytes = await formatFixture("documents.jsonl.zst");
  const server = await webServer(bytes);
  const cache = await temporaryDirectory();
  const source = { kind: "http", url: `${server.url}/documents.jsonl.zst?key=secret`, ...texts };
  const { corpus, texts: found } = await run(source, cache);
  expect(found).toHaveLength(3000);
  expect(corpus.sources).toEqual([
    {
      name: `${server.url}/documents.jsonl.zst`,
      revision: '"v1"',
      files: [{ path: "documents.jsonl.zst", digest: sha256(bytes), bytes: bytes.length }],
    },
  ]);
  // One to look at it, one that is turned away, one for the content: the second pass reads what is kept.
  expect(server.requests).toHaveLength(3);
  expect((await run(source, cache)).corpus).toEqual(corpus);
  expect(server.requests).toHaveLength(4);
});

test("a Parquet file on a web server gives the field that is asked for", async () => {
  const server = await webServer(await formatFixture("duckdb-gzip.parquet"));
  const { texts: found } = await run({ kind: "http", url: `${server.url}/x.parquet`, ...texts });
  expect(found).toHaveLength(600);
});

test("a server that knows no parts and no versions gives the file whole, and its digest pins it", async () => {
  const bytes = gzipSync('{"content":"a text"}\n{"content":7}\n');
  const server = await startServer((_request, response) => {
    response.writeHead(200, { "content-length": bytes.length }).end(bytes);
  });
  onTestFinished(() => server[Symbol.asyncDispose]());
  const { corpus, texts: found } = await run({
    kind: "http",
    url: `${server.url}/x.jsonl.gz`,
    field: "content",
    ...texts,
  });
  expect(found).toEqual(["a text"]);
  expect(corpus.sources[0]).toMatchObject({ revision: sha256(bytes), files: [{ digest: sha256(bytes) }] });
  expect(corpus.dropped).toEqual({ "no field “content”": { records: 1, characters: 0 } });
});

test("a file on a web server that changes between two readings is SOURCE_CHANGED, with the versions", async () => {
  const changing = await startServer((request, response, count) =>
    serveBytes(request, response, Buffer.from('{"text":"a"}\n'), count < 2 ? '"v1"' : '"v2"'),
  );
  onTestFinished(() => changing[Symbol.asyncDispose]());
  const source = await openHttp({ url: `${changing.url}/x.jsonl` });
  const [file] = await collect(source.files());
  if (file === undefined) throw new Error("the source has no file");
  await collect(file.open());
  await expect(collect(file.open())).rejects.toMatchObject({
    code: "SOURCE_CHANGED",
    message: expect.stringMatching(/"v1".*"v2"/u) as string,
  });
});

test("text on the Hub in compressed JSON Lines and Parquet, below the path that is asked for", async () => {
  await serveHub("team/set", {
    "data/a.jsonl.zst": await formatFixture("documents.jsonl.zst"),
    "data/b.parquet": await formatFixture("duckdb-snappy.parquet"),
    "other/c.txt": Buffer.from("left out"),
  });
  const { corpus, texts: found } = await run({
    kind: "huggingface",
    dataset: "texts",
    repository: "team/set",
    revision: "main",
    files: "data/",
    ...texts,
  });
  expect(found).toHaveLength(3600);
  expect(corpus.sources[0]?.files?.map(({ path }) => path)).toEqual(["data/a.jsonl.zst", "data/b.parquet"]);
});
