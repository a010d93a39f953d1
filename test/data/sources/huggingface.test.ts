import { mkdir, readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { inspect } from "node:util";
import { parquetMetadata } from "hyparquet";
import type { IncomingMessage, ServerResponse } from "node:http";
import { expect, onTestFinished, test, vi } from "vitest";
import { INDUSTRY_COLUMNS } from "../../../src/data/adapters/industry-corpus.ts";
import type { PipelineError } from "../../../src/errors.ts";
import { openHuggingFace } from "../../../src/data/sources/huggingface.ts";
import { openParquet } from "../../../src/data/formats/parquet-rows.ts";
import { RangeCache } from "../../../src/data/sources/range-cache.ts";
import type { RepositoryOptions } from "../../../src/data/sources/repository-source.ts";
import { readWhole, type Source, type SourceFile } from "../../../src/data/sources/source.ts";
import { startHub } from "./hub-server.ts";
import { serveBytes, startServer } from "./http-server.ts";
import { temporaryDirectory } from "./temporary-directory.ts";

const retry = { retries: 3, minTimeoutMs: 1 };
const fixture = (name: string): Promise<Buffer> => readFile(new URL(`fixtures/${name}`, import.meta.url));

async function setUp(
  files: Readonly<Record<string, Uint8Array>>,
  intercept?: (request: IncomingMessage, response: ServerResponse, count: number) => boolean,
) {
  const hub = await startHub("team/set", files, intercept);
  onTestFinished(() => hub.server[Symbol.asyncDispose]());
  const notices: string[] = [];
  const open = (environment: Record<string, string> = {}, rest: Partial<RepositoryOptions> = {}) =>
    openHuggingFace({
      repository: "team/set",
      revision: "main",
      retry,
      environment: { HF_ENDPOINT: hub.server.url, HF_TOKEN_PATH: "/no/such/token", ...environment },
      onNotice: (message) => notices.push(message),
      ...rest,
    });
  return { hub, open, notices };
}

test("a branch is resolved to its commit, and every later request names the commit", async () => {
  const { hub, open } = await setUp({ "a.txt": Buffer.from("hello") });
  const source = await open();
  expect(source.revision).toBe(hub.commit);
  expect(source.record().revision).toBe(hub.commit);
  for await (const file of source.files())
    expect(Buffer.from(await readWhole(file)).toString()).toBe("hello");
  const later = hub.server.requests.slice(1).map(({ url }) => url);
  expect(later.length).toBeGreaterThan(1);
  expect(later.filter((url) => !url.includes(hub.commit) && !url.startsWith("/storage/"))).toEqual([]);
});

test("a listing of several pages is followed to its end", async () => {
  const names = Array.from({ length: 7 }, (_, index) => `data/${index}.txt`);
  const { open } = await setUp(Object.fromEntries(names.map((name) => [name, Buffer.from(name)])));
  const found: string[] = [];
  for await (const { path } of (await open()).files()) found.push(path);
  expect(found).toEqual(names);
});

test("only the columns that are asked for and only the row groups that are drawn are fetched", async () => {
  const bytes = await fixture("industry-zh.parquet");
  const { hub, open } = await setUp({ "x.parquet": bytes });
  for await (const file of (await open()).files()) {
    const parquet = await openParquet(file, INDUSTRY_COLUMNS, file.path);
    expect(parquet.rowGroups).toBe(5);
    const rows = await parquet.readRowGroup(3);
    expect(rows).toHaveLength(8);
    expect(rows[0]).toEqual({ text: "这是第24篇关于news的文章，质量为high。" });
  }
  // Where hyparquet finds that column of that group; the footer comes with the last 512 kB, here the whole of the file.
  const text = parquetMetadata(new Uint8Array(bytes).buffer).row_groups[3]?.columns[0]?.meta_data;
  const start = Number(text?.dictionary_page_offset ?? text?.data_page_offset);
  expect(hub.storage.requests.map(({ range }) => range)).toEqual([
    `bytes=0-${bytes.length - 1}`,
    `bytes=${start}-${start + Number(text?.total_compressed_size) - 1}`,
  ]);
});

const refusing = (status: number) =>
  setUp({}, (_request, response) => {
    response.writeHead(status, { "content-type": "application/json" }).end('{"error":"gated"}');
    return true;
  });

test("a gated repository says how to get access where no token was sent", async () => {
  const { open } = await refusing(401);
  await expect(open()).rejects.toMatchObject({
    code: "HUB_ACCESS_DENIED",
    kind: "user",
    message: "hf:team/set refuses access (401): no token is set.",
    hint: expect.stringMatching(/team\/set .* page.*HF_TOKEN/u) as string,
  });
});

test("a token that is refused is spoken of by where it came from, and never shown", async () => {
  const home = await temporaryDirectory();
  const file = join(home, "token");
  await mkdir(join(home, ".cache", "huggingface"), { recursive: true });
  for (const path of [file, join(home, ".cache", "huggingface", "token")])
    await writeFile(path, "hf_verysecret\n");
  for (const [environment, origin] of [
    [{ HF_TOKEN: "hf_verysecret" }, "HF_TOKEN"],
    [{ HF_TOKEN_PATH: file }, `${file} (HF_TOKEN_PATH)`],
    [{ HF_TOKEN_PATH: "", HF_HOME: home }, `${file} (HF_HOME)`],
    [{ HF_TOKEN_PATH: "", HOME: home }, join(home, ".cache", "huggingface", "token")],
  ] as const)
    for (const [status, hint] of [
      [401, "was sent and is not accepted"],
      [403, "was sent and is not allowed to read team/set"],
    ] as const) {
      const { open } = await refusing(status);
      const error = await open(environment).catch((thrown: unknown) => thrown);
      expect(error).toMatchObject({
        code: "HUB_ACCESS_DENIED",
        message: `hf:team/set refuses access (${status}) with the token of ${origin}.`,
        hint: expect.stringContaining(`The token of ${origin} ${hint}`) as string,
      });
      expect((error as PipelineError).hint).not.toContain("Make a read token");
      expect(JSON.stringify(error) + inspect(error)).not.toContain("verysecret");
    }
});

test("a Hub that answers 503 to two requests of three is read to its end, and each pause is told", async () => {
  const names = Array.from({ length: 14 }, (_, index) => `data/${index}.txt`);
  let busy = 0;
  const { open, notices } = await setUp(
    Object.fromEntries(names.map((name) => [name, Buffer.from(name)])),
    (_request, response, count) => {
      if (count % 3 === 2) return false;
      busy++;
      response.writeHead(503).end();
      return true;
    },
  );
  const found: string[] = [];
  for await (const file of (await open()).files()) found.push(Buffer.from(await readWhole(file)).toString());
  expect(found).toEqual(names);
  expect(busy).toBe(2 * (1 + 5 + 14)); // the commit, five pages, and the way to each file
  expect(notices).toHaveLength(busy);
  for (const notice of notices)
    expect(notice).toMatch(/^hf:team\/set.*: the server answered 503; trying again in [\d.]+ s \(/u);
});

test("the token is sent to the Hub and not to the storage it redirects to", async () => {
  const { hub, open } = await setUp({ "a.txt": Buffer.from("hello") });
  for await (const file of (await open({ HF_TOKEN: "hf_abc" })).files()) await readWhole(file);
  expect(hub.server.requests.every(({ headers }) => headers.authorization === "Bearer hf_abc")).toBe(true);
  expect(hub.storage.requests.length).toBeGreaterThan(0);
  expect(hub.storage.requests.every(({ headers }) => headers.authorization === undefined)).toBe(true);
});

test("a Hub that is too busy once, and a connection that breaks once, cost a repetition and no error", async () => {
  let broken = false;
  const { hub, open, notices } = await setUp(
    { "a.txt": Buffer.alloc(50_000, "x") },
    (request, response, count) => {
      if (count === 0) response.writeHead(429, { "retry-after": "0" }).end();
      else if (!broken && request.url?.includes("/resolve/") === true) {
        broken = true;
        response.writeHead(206, { "content-length": 50_000, "content-range": "bytes 0-49999/50000" });
        response.write("x".repeat(1000), () => response.destroy());
      } else return false;
      return true;
    },
  );
  for await (const file of (await open()).files()) expect(await readWhole(file)).toHaveLength(50_000);
  expect(broken).toBe(true);
  expect(notices).toHaveLength(2);
  expect(hub.server.requests.length).toBeGreaterThan(3);
});

test("how long the Hub asks to be left alone is heeded wherever it says so: for the commit, the listing and a file", async () => {
  const asked = new Set<string>();
  const { hub, open, notices } = await setUp({ "a.txt": Buffer.from("hello") }, (request, response) => {
    const about = /\/(?:revision|tree|resolve)\//u.exec(request.url ?? "")?.[0] ?? "";
    if (asked.has(about)) return false;
    asked.add(about);
    response
      .writeHead(429, about === "/tree/" ? { ratelimit: '"api";r=0;t=1' } : { "retry-after": "1" })
      .end();
    return true;
  });
  expect(Buffer.from(await readWhole(await only(await open()))).toString()).toBe("hello");
  expect(hub.server.requests).toHaveLength(6);
  // By itself it would be tried again after a millisecond.
  const told = "the server answered 429; trying again in 1 s (3 tries left)";
  expect(notices).toEqual([`hf:team/set: ${told}`, `hf:team/set: ${told}`, `hf:team/set/a.txt: ${told}`]);
});

test("a Hub that accepts a request and never answers, or stops in the midst, is asked again after a minute", async () => {
  const listing = '[{"type":"file","path":"a.txt","size":5,"oid":"1"}]';
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
  onTestFinished(() => {
    vi.useRealTimers();
  });
  const silent = (): void => {
    setImmediate(() => vi.advanceTimersByTime(60_000));
  };
  const { hub, open, notices } = await setUp(
    { "a.txt": Buffer.from("hello") },
    (request, response, count) => {
      if (count === 0) silent();
      else if (request.url?.includes("/tree/") !== true) return false;
      else if (count > 2) response.end(listing);
      else response.write(listing.slice(0, 20), silent);
      return true;
    },
  );
  expect((await only(await open())).path).toBe("a.txt");
  expect(hub.server.requests).toHaveLength(4);
  expect(notices).toHaveLength(2);
  for (const notice of notices) expect(notice).toContain("no byte arrived for a minute; trying again in");
});

async function only(source: Source): Promise<SourceFile> {
  for await (const file of source.files()) return file;
  throw new Error("the repository is empty");
}

test("a token is taken from Hugging Face's own file; HF_TOKEN comes first; what cannot be one is refused unseen", async () => {
  const { hub, open } = await setUp({});
  const home = await temporaryDirectory();
  await writeFile(join(home, "token"), "hf_file\n");
  const sent = () => hub.server.requests.at(-1)?.headers.authorization;
  await open({ HF_TOKEN_PATH: join(home, "token") });
  expect(sent()).toBe("Bearer hf_file");
  await open({ HF_TOKEN_PATH: "", HF_HOME: home });
  expect(sent()).toBe("Bearer hf_file");
  await open({ HF_TOKEN_PATH: join(home, "token"), HF_TOKEN: "hf_own" });
  expect(sent()).toBe("Bearer hf_own");
  await open();
  expect(sent()).toBeUndefined();
  const error = await open({ HF_TOKEN: "hf_secret\r\nx-evil: 1" }).catch((thrown: unknown) => thrown);
  expect(error).toMatchObject({ code: "HUB_TOKEN_INVALID", kind: "user" });
  expect(JSON.stringify(error) + String(error)).not.toContain("secret");
});

test("a listing that names another host for its next page does not get the token there", async () => {
  const stranger = await startServer((_request, response) => response.end("[]"));
  onTestFinished(() => stranger[Symbol.asyncDispose]());
  const { open } = await setUp({}, (request, response) => {
    if (request.url?.includes("/tree/") !== true) return false;
    response.writeHead(200, { link: `<${stranger.url}/next>; rel="next"` }).end("[]");
    return true;
  });
  const files: SourceFile[] = [];
  for await (const file of (await open({ HF_TOKEN: "hf_abc" })).files()) files.push(file);
  expect(stranger.requests).toHaveLength(1);
  expect(stranger.requests[0]?.headers.authorization).toBeUndefined();
});

test("a connection that breaks inside a file is taken up at the byte where it broke", async () => {
  const bytes = Buffer.from(Array.from({ length: 300_000 }, (_, index) => index % 251));
  const { hub, open } = await setUp({ "a.bin": bytes });
  const file = await only(await open());
  const cut = await startCut(bytes);
  onTestFinished(() => cut[Symbol.asyncDispose]());
  hub.redirectTo(cut.url);
  expect(Buffer.from(await readWhole(file)).equals(bytes)).toBe(true);
  const froms = cut.requests.map(({ range }) => Number(/\d+/u.exec(range)?.[0]));
  expect(froms).toHaveLength(2);
  expect(froms[1]).toBeGreaterThan(0);
  expect(froms[1]).toBeLessThanOrEqual(100_000);
});

/** Storage that breaks its first answer off after 100,000 bytes. */
const startCut = (bytes: Uint8Array) =>
  startServer((request, response, count) => {
    if (count > 0) {
      serveBytes(request, response, bytes);
      return;
    }
    response.writeHead(206, {
      etag: '"v1"',
      "content-range": `bytes 0-${bytes.length - 1}/${bytes.length}`,
    });
    response.write(bytes.subarray(0, 100_000), () => response.destroy());
  });

test("a file that changes between two reads is SOURCE_CHANGED, whether its tag or its size tells", async () => {
  const files = { "a.txt": Buffer.from("old text") };
  const { hub, open } = await setUp(files);
  const file = await only(await open());
  await readWhole(file);
  hub.setEtag('"v2"');
  await expect(readWhole(file)).rejects.toMatchObject({ code: "SOURCE_CHANGED" });
  const other = await only(await open());
  files["a.txt"] = Buffer.from("longer than the old text");
  await expect(readWhole(other)).rejects.toMatchObject({ code: "SOURCE_CHANGED" });
});

test("an endpoint that gives another commit than the pinned one is SOURCE_CHANGED", async () => {
  const { open } = await setUp({});
  await expect(open({}, { revision: "f".repeat(40) })).rejects.toMatchObject({ code: "SOURCE_CHANGED" });
});

test("a listed path that leads out of the repository is refused", async () => {
  for (const path of ["../other/a.txt", "/etc/passwd", "a//b", "a\\b", "a\nb"]) {
    const { open } = await setUp({ [path]: Buffer.from("x") });
    await expect(only(await open())).rejects.toMatchObject({ code: "UNSAFE_PATH" });
  }
});

test("storage is asked directly after the first redirect, and the Hub again once that address has expired", async () => {
  const { hub, open } = await setUp({ "a.txt": Buffer.from("hello") });
  const file = await only(await open());
  const resolved = () => hub.server.requests.filter(({ url }) => url.includes("/resolve/")).length;
  await readWhole(file);
  await readWhole(file);
  expect(resolved()).toBe(1);
  hub.expireLinks();
  expect(Buffer.from(await readWhole(file)).toString()).toBe("hello");
  expect(resolved()).toBe(2);
});

test("as many requests run at once as allowed, and no more", async () => {
  const bytes = Buffer.from("text");
  let most = 0;
  let held: (() => void)[] = [];
  const release = (): void => {
    const answers = held;
    held = [];
    for (const answer of answers) answer();
  };
  const { open } = await setUp(
    Object.fromEntries(Array.from({ length: 12 }, (_, index) => [`${index}.txt`, bytes])),
    (request, response) => {
      if (request.url?.includes("/resolve/") !== true) return false;
      held.push(() => serveBytes(request, response, bytes));
      most = Math.max(most, held.length);
      if (held.length === 3) setTimeout(release, 30); // time for a fourth to arrive, if there were one
      return true;
    },
  );
  const files: SourceFile[] = [];
  for await (const file of (await open({}, { concurrency: 3 })).files()) files.push(file);
  await Promise.all(files.map(readWhole));
  expect(most).toBe(3);
});

test("parts that were read once come from the cache, a damaged one is fetched again, and the bound holds", async () => {
  const bytes = Buffer.alloc(5000, "y");
  const { hub, open, notices } = await setUp({ "a.txt": bytes });
  const directory = await temporaryDirectory();
  const read = async (maxBytes?: number): Promise<Uint8Array> => {
    const ranges = await RangeCache.open(directory, { maxBytes, onNotice: (text) => notices.push(text) });
    return readWhole(await only(await open({}, { ranges })));
  };
  const fetched = () => hub.storage.requests.length;
  await read(1000);
  expect(await readdir(directory)).toEqual([]);
  await read();
  expect(fetched()).toBe(2);
  expect(Buffer.from(await read()).equals(bytes)).toBe(true);
  expect(fetched()).toBe(2);
  const [part = ""] = await readdir(directory);
  await writeFile(join(directory, part), Buffer.alloc(5032));
  expect(Buffer.from(await read()).equals(bytes)).toBe(true);
  expect(fetched()).toBe(3);
  expect(notices.join()).toContain("damaged");
});

test("the record lists the files that were opened, with their digests, and no count that depends on luck", async () => {
  const { open, hub } = await setUp({ "a.txt": Buffer.from("hello\n"), "b.txt": Buffer.from("unread") });
  const source = await open();
  for await (const file of source.files((path) => path === "a.txt")) await readWhole(file);
  expect(source.record()).toEqual({
    name: "hf:team/set",
    revision: hub.commit,
    asked: "main",
    // printf 'hello\n' | git hash-object --stdin
    files: [{ path: "a.txt", digest: "git-sha1:ce013625030ba8dba906f756967f9e9ca394464a", bytes: 6 }],
  });
});

test("a repository that does not exist is HUB_NOT_FOUND", async () => {
  const { open } = await setUp({}, (_request, response) => {
    response.writeHead(404, { "content-type": "application/json" }).end('{"error":"Repository not found"}');
    return true;
  });
  await expect(open()).rejects.toMatchObject({ code: "HUB_NOT_FOUND", kind: "user" });
});

const inMemory = (path: string, bytes: Uint8Array) => ({
  path,
  size: bytes.length,
  open: async function* (start = 0, end = bytes.length) {
    yield await Promise.resolve(bytes.subarray(start, end));
  },
});

test("a file without the columns is SCHEMA_MISMATCH that lists what it has, one that is no Parquet PARQUET_CORRUPT", async () => {
  const file = inMemory("x.parquet", await fixture("openbmb.parquet"));
  const error = await openParquet(file, ["chosen", "rejected"], "hf:openbmb/UltraFeedback").catch(
    (thrown: unknown) => thrown,
  );
  expect(error).toMatchObject({ code: "SCHEMA_MISMATCH", kind: "user" });
  expect(String(error)).toContain("it has instruction, completions");
  await expect(openParquet(inMemory("y", Buffer.alloc(500, "y")), [], "y")).rejects.toMatchObject({
    code: "PARQUET_CORRUPT",
  });
});
