import { createHash } from "node:crypto";
import { mkdir, readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { openParquet } from "../../../src/data/formats/parquet-rows.ts";
import { openModelScope } from "../../../src/data/sources/modelscope.ts";
import { RangeCache } from "../../../src/data/sources/range-cache.ts";
import type { RepositoryOptions } from "../../../src/data/sources/repository-source.ts";
import { readText, readWhole, type Source, type SourceFile } from "../../../src/data/sources/source.ts";
import { collect } from "../../../src/std/collect.ts";
import { serveBytes, startServer } from "./http-server.ts";
import { startModelScope, type ModelScopeOptions } from "./modelscope-server.ts";
import { temporaryDirectory } from "./temporary-directory.ts";

async function setUp(files: Readonly<Record<string, Uint8Array>>, options: ModelScopeOptions = {}) {
  const scope = await startModelScope("team/set", files, options);
  onTestFinished(() => scope.server[Symbol.asyncDispose]());
  const notices: string[] = [];
  const open = (environment: Record<string, string> = {}, rest: Partial<RepositoryOptions> = {}) =>
    openModelScope({
      repository: "team/set",
      revision: "master",
      retry: { retries: 3, minTimeoutMs: 1 },
      environment: {
        MODELSCOPE_ENDPOINT: scope.server.url,
        MODELSCOPE_HOME: "/no/such/home",
        ...environment,
      },
      onNotice: (message) => notices.push(message),
      ...rest,
    });
  return { scope, open, notices };
}

async function only(source: Source): Promise<SourceFile> {
  const [file] = await collect(source.files());
  if (file === undefined) throw new Error("the repository is empty");
  return file;
}

const text = (value: string): Buffer => Buffer.from(value);
const sha256 = (bytes: Uint8Array): string => `sha256:${createHash("sha256").update(bytes).digest("hex")}`;

test("a branch is resolved to its commit, whose files stay readable when the branch moves", async () => {
  const { scope, open } = await setUp({ "a.txt": text("old") });
  const source = await open();
  expect(source.revision).toMatch(/^[0-9a-f]{40}$/u);
  const moved = scope.commit({ "a.txt": text("new text") });
  expect(await readText(await only(source))).toBe("old");
  expect((await open()).revision).toBe(moved);
  const pinned = await open({}, { revision: source.revision });
  expect(await readText(await only(pinned))).toBe("old");
  expect(pinned.record()).toEqual({
    name: "modelscope:team/set",
    revision: source.revision,
    files: [{ path: "a.txt", digest: sha256(text("old")), bytes: 3 }],
  });
  const branchNamed = scope.server.requests.filter(({ url }) => url.includes("master"));
  expect(branchNamed.every(({ url }) => url.includes("/commits?"))).toBe(true);
});

test("a branch that moved is read at the commit that is named, and the record says what was asked for", async () => {
  const { scope, open } = await setUp({ "a.txt": text("old") });
  const before = (await open()).revision;
  scope.commit({ "a.txt": text("new text") });
  const source = await open({}, { commit: before });
  expect(await readText(await only(source))).toBe("old");
  expect(source.record()).toMatchObject({ revision: before, asked: "master" });
});

test("a listing of several pages is followed to its end, folders left out, whatever the page size", async () => {
  const names = Array.from({ length: 450 }, (_, index) => `data/${index}.txt`);
  const files = Object.fromEntries(names.map((name) => [name, text(name)]));
  const options: ModelScopeOptions[] = [
    {},
    { pageEntries: 100 },
    { totalCount: null },
    { totalCount: 451, pageEntries: 451 },
  ];
  for (const option of options) {
    const { open } = await setUp(files, option);
    expect((await collect((await open()).files())).map(({ path }) => path)).toEqual(names);
  }
});

test("a listing that ends before its own total is LISTING_INCOMPLETE", async () => {
  const { open } = await setUp({ "a.txt": text("a") }, { totalCount: 7 });
  await expect(only(await open())).rejects.toMatchObject({
    code: "LISTING_INCOMPLETE",
    message: "modelscope:team/set: the listing gave 1 entries of 7.",
  });
});

test("only what is asked for is fetched, from storage and from the server itself, which says 200 to a range", async () => {
  const bytes = await readFile(new URL("fixtures/industry-zh.parquet", import.meta.url));
  const { scope, open } = await setUp({ "x.parquet": bytes });
  for (const small of [false, true]) {
    if (small) scope.small.add("x.parquet");
    const { readRowGroup } = await openParquet(await only(await open()), ["text"], "x.parquet");
    expect((await readRowGroup(3))[0]).toEqual({ text: "这是第24篇关于news的文章，质量为high。" });
  }
  expect(scope.storage.requests.length).toBeGreaterThan(0);
  expect(scope.server.requests.filter(({ range }) => range !== "").length).toBeGreaterThan(1);
});

test("a path with blanks, signs and Chinese is asked for as it is", async () => {
  const path = "数据 集/a&b=c+d#1.txt";
  const { open } = await setUp({ [path]: text("found") });
  const file = await only(await open());
  expect(file.path).toBe(path);
  expect(await readText(file)).toBe("found");
});

test("a private dataset says how to get access, and never shows the token", async () => {
  const { open } = await setUp(
    {},
    {
      intercept: (_request, response) => {
        response.writeHead(401).end('{"Code":401,"Message":"unauthorized","Success":false}');
        return true;
      },
    },
  );
  await expect(open()).rejects.toMatchObject({
    code: "HUB_ACCESS_DENIED",
    kind: "user",
    hint: expect.stringContaining("MODELSCOPE_API_TOKEN") as string,
  });
  const error = await open({ MODELSCOPE_API_TOKEN: "ms-verysecret" }).catch((thrown: unknown) => thrown);
  expect(error).toMatchObject({ code: "HUB_ACCESS_DENIED" });
  expect(JSON.stringify(error) + String(error)).not.toContain("verysecret");
});

test("a refusal within an answer of status 200 is one, with what the server says", async () => {
  const refusing = (body: string) =>
    setUp(
      {},
      {
        intercept: (_request, response) => {
          response.end(body);
          return true;
        },
      },
    );
  const denied = await refusing('{"Code":403,"Message":"no","Success":false,"Data":null}');
  await expect(denied.open()).rejects.toMatchObject({ code: "HUB_ACCESS_DENIED" });
  const other = await refusing('{"Code":10010205,"Message":"busy\\u001b[2J\\nlater","Data":null}');
  await expect(other.open()).rejects.toMatchObject({
    code: "HUB_REFUSED",
    message: "modelscope:team/set: the hub answered 10010205 (busy [2J later).",
  });
  const html = await refusing("<html>");
  await expect(html.open()).rejects.toMatchObject({ code: "HUB_REFUSED" });
});

test("the token goes to the server, as header and cookie, and not to the storage it redirects to", async () => {
  const { scope, open } = await setUp({ "a.txt": text("hello") });
  const home = await temporaryDirectory();
  await mkdir(home, { recursive: true });
  await writeFile(join(home, "token"), "ms-file\n");
  const sent = () => {
    const { authorization, cookie } = scope.server.requests.at(-1)?.headers ?? {};
    return [authorization, cookie];
  };
  await readWhole(await only(await open({ MODELSCOPE_HOME: home })));
  expect(sent()).toEqual(["Bearer ms-file", "m_session_id=ms-file"]);
  await readWhole(await only(await open({ MODELSCOPE_HOME: home, MODELSCOPE_API_TOKEN: "ms-own" })));
  expect(sent()).toEqual(["Bearer ms-own", "m_session_id=ms-own"]);
  expect(scope.storage.requests).toHaveLength(2);
  for (const { headers } of scope.storage.requests)
    expect([headers.authorization, headers.cookie]).toEqual([undefined, undefined]);
  await open();
  expect(sent()).toEqual([undefined, undefined]);
  await expect(open({ MODELSCOPE_API_TOKEN: "two words" })).rejects.toMatchObject({
    code: "HUB_TOKEN_INVALID",
  });
});

test("a server that is too busy and a connection that breaks cost a repetition, from the byte where it broke", async () => {
  const bytes = Buffer.from(Array.from({ length: 300_000 }, (_, index) => index % 251));
  const cut = await startServer((request, response, count) => {
    if (count > 0) {
      serveBytes(request, response, bytes);
      return;
    }
    response.writeHead(206, { etag: '"v1"', "content-range": "bytes 0-299999/300000" });
    response.write(bytes.subarray(0, 100_000), () => response.destroy());
  });
  onTestFinished(() => cut[Symbol.asyncDispose]());
  const { open, notices } = await setUp(
    { "a.bin": bytes },
    {
      intercept: (request, response, count) => {
        if (count === 0) response.writeHead(429, { "retry-after": "0" }).end();
        else if (count === 2) response.writeHead(503).end();
        else if (request.url?.includes("/repo?") === true)
          response.writeHead(302, { location: `${cut.url}/a.bin` }).end();
        else return false;
        return true;
      },
    },
  );
  expect(Buffer.from(await readWhole(await only(await open()))).equals(bytes)).toBe(true);
  expect(notices).toHaveLength(3);
  const froms = cut.requests.map(({ range }) => Number(/\d+/u.exec(range)?.[0]));
  expect(froms).toHaveLength(2);
  expect(froms[1]).toBeGreaterThan(0);
  expect(froms[1]).toBeLessThanOrEqual(100_000);
});

test("content that is not what the listing says is SOURCE_CHANGED, and is not kept for the next reading", async () => {
  const files = { "a.txt": text("as it was listed") };
  let wrong = true;
  const { open } = await setUp(files, {
    intercept: (request, response) => {
      if (!wrong || request.url?.includes("/repo?") !== true) return false;
      serveBytes(request, response, text("what is not listed"), '"x"');
      return true;
    },
  });
  const directory = await temporaryDirectory();
  const read = async () => readText(await only(await open({}, { ranges: await RangeCache.open(directory) })));
  files["a.txt"] = text("of the same size!!");
  await expect(read()).rejects.toMatchObject({ code: "SOURCE_CHANGED" });
  expect(await readdir(directory)).toEqual([]);
  wrong = false;
  expect(await read()).toBe("of the same size!!");
});

test("a dataset, a branch or a commit that does not exist is HUB_NOT_FOUND", async () => {
  const { open } = await setUp({ "a.txt": text("a") });
  const missing = { code: "HUB_NOT_FOUND", kind: "user" };
  await expect(open({}, { repository: "team/none" })).rejects.toMatchObject(missing);
  await expect(open({}, { revision: "dev" })).rejects.toMatchObject(missing);
  await expect(only(await open({}, { revision: "f".repeat(40) }))).rejects.toMatchObject(missing);
});

test("a listed path that leads out of the repository is refused", async () => {
  const { open } = await setUp({ "../other/a.txt": text("x") });
  await expect(only(await open())).rejects.toMatchObject({ code: "UNSAFE_PATH" });
});
