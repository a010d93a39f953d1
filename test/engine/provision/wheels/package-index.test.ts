import { expect, onTestFinished, test } from "vitest";
import { filesOf, indexAt } from "../../../../src/engine/provision/wheels/package-index.ts";
import { startServer } from "../../../data/sources/http-server.ts";

const A = "a".repeat(64);

async function ask(type: string, body: string, login = "") {
  const server = await startServer((_request, response) =>
    response.writeHead(200, { "content-type": type }).end(body),
  );
  onTestFinished(() => server[Symbol.asyncDispose]());
  const index = indexAt(`${server.url.replace("//", `//${login}`)}/simple`, { retries: 0 });
  const files = await filesOf(index, "thing", { signal: undefined, onNotice: () => undefined });
  return { files, server, index };
}

test("a page in JSON: addresses are made absolute, what has no digest or was withdrawn is left out", async () => {
  const entry = (filename: string, more = {}) => ({
    filename,
    url: `../../f/${filename}`,
    hashes: { sha256: A },
    ...more,
  });
  const page = {
    files: [
      entry("thing-1.whl", { size: 7 }),
      entry("thing-2.whl", { yanked: "broken" }),
      entry("thing-3.whl", { hashes: {} }),
      entry("thing-4.whl", { url: "file:///etc/passwd" }),
      entry("thing-5.whl", { yanked: false }),
    ],
  };
  const { files, server } = await ask("application/vnd.pypi.simple.v1+json", JSON.stringify(page));
  expect(files).toEqual([
    { file: "thing-1.whl", url: `${server.url}/f/thing-1.whl`, sha256: A, bytes: 7 },
    { file: "thing-5.whl", url: `${server.url}/f/thing-5.whl`, sha256: A, bytes: undefined },
  ]);
});

test("a page in HTML says the same", async () => {
  const html = `<!DOCTYPE html><html><body>
    <a href="/f/thing-1.whl?a=1&amp;b=2#sha256=${A}" data-requires-python="&gt;=3">thing-1.whl</a><br/>
    <a data-yanked="" href="/f/thing-2.whl#sha256=${A}">thing-2.whl</a>
    <a href="/f/thing-3.whl">thing-3.whl</a></body></html>`;
  const { files, server } = await ask("text/html", html);
  expect(files).toEqual([
    { file: "thing-1.whl", url: `${server.url}/f/thing-1.whl?a=1&b=2`, sha256: A, bytes: undefined },
  ]);
});

test("name and password go to the index's own host and nowhere else, and into no address", async () => {
  const { server, index } = await ask("application/json", '{"files":[]}', "me:p%40ss@");
  const basic = `Basic ${Buffer.from("me:p@ss").toString("base64")}`;
  expect(server.requests[0]?.headers.authorization).toBe(basic);
  expect(index.url).not.toContain("me");
  expect(index.headersFor(`${server.url}/f`)).toEqual({ authorization: basic });
  expect(index.headersFor("https://elsewhere.example/f")).toEqual({});
});

test("what is no page of an index, or too large, is a reason", async () => {
  await expect(ask("application/json", "<html>")).rejects.toMatchObject({
    code: "ENGINE_WAY_FAILED",
    message: expect.stringMatching(/\/simple\/thing\/ is no page of a package index$/u) as string,
  });
  await expect(ask("application/json", " ".repeat(33e6))).rejects.toThrow("answered more than 32 MB");
});
