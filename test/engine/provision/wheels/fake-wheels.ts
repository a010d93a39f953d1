/** Small wheels of a test's own making, and an index that serves them. */
import { spawnSync } from "node:child_process";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { onTestFinished } from "vitest";
import { digestOf } from "../../../../src/std/digest.ts";
import { serveBytes, startServer, type Handler, type TestServer } from "../../../data/sources/http-server.ts";

export interface FakeWheel {
  readonly file: string;
  /** Lines behind Requires-Dist. */
  readonly requires?: readonly string[];
  /** Content by path; `x` marks what may be executed. */
  readonly files?: Readonly<Record<string, string | { readonly x: string }>>;
}

const hasPython = spawnSync("python3", ["--version"]).status === 0;
export const withPython = (name: string): string => (hasPython ? name : `${name} (skipped: needs python3)`);
export const skipWithoutPython = !hasPython;

const BUILD = `
import json, sys, zipfile
asked = json.load(sys.stdin)
with zipfile.ZipFile(asked["path"], "w") as wheel:
    for name, content in asked["files"].items():
        info = zipfile.ZipInfo(name)
        info.external_attr = (0o100755 if isinstance(content, dict) else 0o100644) << 16
        wheel.writestr(info, content["x"] if isinstance(content, dict) else content)
`;

export async function buildWheel(
  folder: string,
  { file, requires = [], files = {} }: FakeWheel,
): Promise<Buffer> {
  const [name = "", version = ""] = file.split("-");
  const lines = ["Metadata-Version: 2.1", `Name: ${name}`, `Version: ${version}`];
  const metadata = [...lines, ...requires.map((each) => `Requires-Dist: ${each}`), "", "Words.", ""].join(
    "\n",
  );
  const path = join(folder, file);
  const input = { path, files: { ...files, [`${name}-${version}.dist-info/METADATA`]: metadata } };
  const { status, stderr } = spawnSync("python3", ["-c", BUILD], { input: JSON.stringify(input) });
  if (status !== 0) throw new Error(String(stderr));
  return await readFile(path);
}

export interface FakeIndex {
  readonly server: TestServer;
  readonly address: string;
  readonly sha256: (file: string) => string;
  readonly fetched: () => readonly string[];
}

/** @param before may answer a request instead; true where it did. */
export async function serveWheels(
  folder: string,
  wheels: readonly FakeWheel[],
  before: (...request: Parameters<Handler>) => boolean = () => false,
): Promise<FakeIndex> {
  const bytes = new Map<string, Buffer>();
  for (const wheel of wheels) bytes.set(wheel.file, await buildWheel(folder, wheel));
  const pages = new Map<string, object[]>();
  for (const [file, content] of bytes) {
    const project = (file.split("-")[0] ?? "").replaceAll("_", "-");
    const entry = {
      filename: file,
      url: `/files/${file}`,
      hashes: { sha256: digestOf(content) },
      size: content.length,
    };
    pages.set(project, [...(pages.get(project) ?? []), entry]);
  }
  const server = await startServer((request, response, count) => {
    if (before(request, response, count)) return;
    const path = request.url ?? "";
    const content = bytes.get(/^\/files\/(.+)$/u.exec(path)?.[1] ?? "");
    if (content !== undefined) {
      serveBytes(request, response, content);
      return;
    }
    const files = pages.get(/^\/simple\/(.+)\/$/u.exec(path)?.[1] ?? "");
    if (files === undefined) response.writeHead(404).end();
    else
      response
        .writeHead(200, { "content-type": "application/vnd.pypi.simple.v1+json" })
        .end(JSON.stringify({ meta: { "api-version": "1.1" }, files }));
  });
  onTestFinished(() => server[Symbol.asyncDispose]());
  return {
    server,
    address: `${server.url}/simple`,
    sha256: (file) => digestOf(bytes.get(file) ?? ""),
    fetched: () =>
      server.requests.flatMap(({ url }) => (url.startsWith("/files/") ? [url.slice("/files/".length)] : [])),
  };
}
