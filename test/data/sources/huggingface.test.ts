import { readFile } from "node:fs/promises";
import type { IncomingMessage, ServerResponse } from "node:http";
import { expect, onTestFinished, test } from "vitest";
import { createRandom } from "../../../src/data/random.ts";
import {
  INDUSTRY_COLUMNS,
  parseIndustryPath,
  smoltalkConversation,
  ultrafeedbackPair,
} from "../../../src/data/sources/dataset-schemas.ts";
import { drawRowGroups } from "../../../src/data/sampling/draw-row-groups.ts";
import { openHuggingFace } from "../../../src/data/sources/huggingface.ts";
import { openParquet } from "../../../src/data/sources/parquet-rows.ts";
import { readWhole } from "../../../src/data/sources/source.ts";
import { startHub } from "./hub-server.ts";

const retry = { retries: 3, minTimeoutMs: 1 };
const fixture = (name: string): Promise<Buffer> => readFile(new URL(`fixtures/${name}`, import.meta.url));

async function setUp(
  files: Readonly<Record<string, Uint8Array>>,
  intercept?: (request: IncomingMessage, response: ServerResponse, count: number) => boolean,
) {
  const hub = await startHub("team/set", files, intercept);
  onTestFinished(() => hub.server[Symbol.asyncDispose]());
  const notices: string[] = [];
  const open = (environment: Record<string, string> = {}) =>
    openHuggingFace({
      repository: "team/set",
      revision: "main",
      retry,
      environment: { HF_ENDPOINT: hub.server.url, ...environment },
      onNotice: (message) => notices.push(message),
    });
  return { hub, open, notices };
}

test("a branch is resolved to its commit, and every later request names the commit", async () => {
  const { hub, open } = await setUp({ "a.txt": Buffer.from("hello") });
  const source = await open();
  expect(source.commit).toBe(hub.commit);
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
  const fetched = hub.server.requests
    .filter(({ url }) => url.startsWith("/storage/"))
    .map(({ range }) => range);
  expect(fetched.every((range) => /^bytes=\d+-\d+$/u.test(range))).toBe(true);
});

test("a gated repository says how to get access, and never shows the token", async () => {
  const { open } = await setUp({}, (_request, response) => {
    response.writeHead(401, { "content-type": "application/json" }).end('{"error":"gated"}');
    return true;
  });
  await expect(open()).rejects.toMatchObject({ code: "HUB_ACCESS_DENIED", kind: "user" });
  const error = await open({ HF_TOKEN: "hf_verysecret" }).catch((thrown: unknown) => thrown);
  expect(error).toMatchObject({ code: "HUB_ACCESS_DENIED" });
  expect(JSON.stringify(error) + String(error)).not.toContain("verysecret");
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
      else if (
        !broken &&
        request.url?.includes("/resolve/") === true &&
        request.headers.range === undefined
      ) {
        broken = true;
        response.writeHead(200, { "content-length": 50_000 });
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

test("row groups are drawn in an order that the seed decides, each once, never as a prefix", async () => {
  const bytes = await fixture("industry-zh.parquet");
  const middle = await fixture("industry-zh-middle.parquet");
  const draw = async (seed: number): Promise<string[]> => {
    const files = [inMemory("a", bytes), inMemory("b", middle)].map((file) => ({
      path: file.path,
      openRows: () => openParquet(file, INDUSTRY_COLUMNS, file.path),
    }));
    const texts: string[] = [];
    for await (const { rows } of drawRowGroups(files, createRandom(seed)))
      texts.push(...rows.map((row) => String(row.text)));
    return texts;
  };
  const one = await draw(1);
  expect(one).toHaveLength(80);
  expect(new Set(one).size).toBe(80);
  expect(await draw(1)).toEqual(one);
  const orders = await Promise.all([2, 3, 4, 5].map(draw));
  expect(new Set(orders.map((order) => order.join())).size).toBe(4);
  const number = (text: string | undefined): number => Number(/\d+/u.exec(text ?? "")?.[0]);
  // The first sixteen rows come from both files (numbers below and from 100), not from the first rows of the first.
  const first = one.slice(0, 16).map(number);
  expect(first.filter((n) => n < 100)).toHaveLength(8);
  expect(
    orders.some(
      (order) =>
        Math.min(
          ...order
            .slice(0, 8)
            .map(number)
            .filter((n) => n >= 0),
        ) %
          100 >=
        8,
    ),
  ).toBe(true);
});

test("language, category and quality are taken from the path, which is all that tells them", () => {
  expect(parseIndustryPath("news_media/chinese/high/rank_00001.parquet")).toEqual({
    category: "news_media",
    language: "zh",
    quality: "high",
  });
  expect(parseIndustryPath("sports/english/middle/rank_12345.parquet")).toMatchObject({
    language: "en",
    quality: "middle",
  });
  for (const other of [
    "README.md",
    "news/german/high/rank_1.parquet",
    "news/english/best/rank_1.parquet",
    "high/rank_1.parquet",
  ]) {
    expect(parseIndustryPath(other)).toBeUndefined();
  }
});

test("rows that are not as they should be are dropped with a reason, never silently", () => {
  const user = { role: "user", content: "Q" };
  const assistant = { role: "assistant", content: "A" };
  expect(smoltalkConversation({ messages: [user, assistant] }, "s")).toEqual({
    record: { messages: [user, assistant], language: "en", source: "s" },
  });
  expect(smoltalkConversation({ conversations: [] }, "s")).toMatchObject({
    dropped: expect.any(String) as string,
  });
  expect(smoltalkConversation({ messages: [assistant, user] }, "s")).toMatchObject({
    dropped: "does not end with the assistant",
  });
  expect(
    ultrafeedbackPair({ chosen: [user, assistant], rejected: [user, { ...assistant, content: "B" }] }, "s"),
  ).toEqual({
    record: { prompt: [user], chosen: "A", rejected: "B", language: "en", source: "s" },
  });
  expect(ultrafeedbackPair({ chosen: [user, assistant], rejected: [user, assistant] }, "s")).toMatchObject({
    dropped: "chosen equals rejected",
  });
  expect(ultrafeedbackPair({ instruction: "x", completions: [] }, "s")).toMatchObject({
    dropped: expect.any(String) as string,
  });
});
