/** One file on a web server whose content changes under its reader. */
import { readdir } from "node:fs/promises";
import { expect, onTestFinished, test } from "vitest";
import { openHttp } from "../../../src/data/sources/http.ts";
import { RangeCache } from "../../../src/data/sources/range-cache.ts";
import { readText, type SourceFile } from "../../../src/data/sources/source.ts";
import { collect } from "../../../src/std/collect.ts";
import { serveBytes, startServer, type Handler } from "./http-server.ts";
import { temporaryDirectory } from "./temporary-directory.ts";

async function open(handler: Handler, ranges?: RangeCache): Promise<SourceFile> {
  const server = await startServer(handler);
  onTestFinished(() => server[Symbol.asyncDispose]());
  const source = await openHttp({
    url: `${server.url}/x.txt`,
    ranges,
    retry: { retries: 1, minTimeoutMs: 1 },
  });
  const [file] = await collect(source.files());
  if (file === undefined) throw new Error("the source has no file");
  return file;
}

const changed = { code: "SOURCE_CHANGED" };

test("a file that changes after it was found and before it is read is SOURCE_CHANGED, and nothing of it is kept", async () => {
  const directory = await temporaryDirectory();
  const file = await open(
    (request, response, count) =>
      serveBytes(request, response, Buffer.from(count === 0 ? "old" : "new"), `"v${count}"`),
    await RangeCache.open(directory),
  );
  await expect(readText(file)).rejects.toMatchObject(changed);
  expect(await readdir(directory)).toEqual([]);
});

/** Parts, and no word of versions. */
const unversioned =
  (bytes: (count: number) => Buffer): Handler =>
  (request, response, count) => {
    const content = bytes(count);
    const [, start = "0", end = "0"] = /^bytes=(\d+)-(\d+)$/u.exec(request.headers.range ?? "") ?? [];
    response
      .writeHead(206, { "content-range": `bytes ${start}-${end}/${content.length}` })
      .end(content.subarray(Number(start), Number(end) + 1));
  };

test("without versions, a part that is read again must be what it was", async () => {
  const file = await open(unversioned((count) => Buffer.from(count < 3 ? "a text" : "b text")));
  const part = (from: number, to: number) =>
    collect(file.open(from, to)).then((all) => Buffer.concat(all).toString());
  expect(await part(0, 3)).toBe("a t");
  expect(await part(3, 6)).toBe("ext");
  await expect(part(0, 3)).rejects.toMatchObject(changed);
});

test("a server that answers a range with 200 and Content-Range, as ModelScope does, is read to its end", async () => {
  const content = Buffer.from("from the beginning to the end");
  const file = await open((request, response) => {
    const [, start = "0", end = "0"] = /^bytes=(\d+)-(\d+)$/u.exec(request.headers.range ?? "") ?? [];
    const part = content.subarray(Number(start), Number(end) + 1);
    response
      .writeHead(200, {
        "content-length": part.length,
        "content-range": `bytes ${start}-${Number(start) + part.length - 1}/${content.length}`,
      })
      .end(part);
  });
  expect(file.size).toBe(content.length);
  expect(await readText(file)).toBe(content.toString());
});

test("a server that knows no parts and breaks off is read from the beginning again", async () => {
  const content = Buffer.alloc(200_000, "abc");
  const file = await open((_request, response, count) => {
    response.writeHead(200, { "content-length": content.length });
    if (count === 1) response.write(content.subarray(0, 50_000), () => response.destroy());
    else response.end(content);
  });
  expect(await readText(file)).toBe(content.toString());
});
