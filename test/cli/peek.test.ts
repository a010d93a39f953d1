/** `pipeline peek` against servers that behave as the real ones, and against files of one's own. */
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { expect, onTestFinished, test } from "vitest";
import { main } from "../../src/cli/main.ts";
import type { Peek } from "../../src/data/peek/peek-source.ts";
import { formatFixture } from "../data/formats/in-memory.ts";
import { serveBytes, startServer } from "../data/sources/http-server.ts";
import { startHub } from "../data/sources/hub-server.ts";
import { startModelScope } from "../data/sources/modelscope-server.ts";
import { pack, registry } from "../data/sources/npm-registry.ts";
import { temporaryDirectory } from "../data/sources/temporary-directory.ts";
import { captureStreams } from "./captured-streams.ts";

async function peek(args: readonly string[], env: Record<string, string> = {}, workingDirectory = "/") {
  const streams = captureStreams();
  const host = { projectRoot: "/no/such/project", packageRoot: "/", compiledDirectory: "" };
  const exitCode = await main(["peek", ...args], host, { streams, env, workingDirectory });
  return { exitCode, ...(await streams.written()) };
}

async function json(...args: Parameters<typeof peek>): Promise<Peek & { readonly fetchedBytes: number }> {
  const { exitCode, stdout, stderr } = await peek([...args[0], "--json"], args[1], args[2]);
  expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: "" });
  return JSON.parse(stdout) as Peek & { readonly fetchedBytes: number };
}

/** With twenty megabytes between its columns and its footer, as the format allows. */
async function largeParquet(): Promise<Buffer> {
  const bytes = await formatFixture("duckdb-zstd.parquet");
  const footer = bytes.readUInt32LE(bytes.length - 8) + 8;
  return Buffer.concat([bytes.subarray(0, -footer), Buffer.alloc(20_000_000), bytes.subarray(-footer)]);
}

async function hubWith(files: Readonly<Record<string, Uint8Array>>) {
  const hub = await startHub("team/set", files);
  onTestFinished(() => hub.server[Symbol.asyncDispose]());
  return { hub, env: { HF_ENDPOINT: hub.server.url, HF_TOKEN_PATH: "/no/such/token" } };
}

test("a Hub dataset: columns, types, rows of the whole file and the first of them, for a fraction of its bytes", async () => {
  const parquet = await largeParquet();
  const { hub, env } = await hubWith({ "README.md": Buffer.from("# Set"), "data/train-0.parquet": parquet });
  const found = await json(["hf:team/set", "--limit", "2"], env);
  expect(found).toMatchObject({
    source: "hf:team/set",
    revision: hub.commit,
    file: { path: "data/train-0.parquet", bytes: parquet.length },
    format: "parquet",
    rows: 2100,
    rowGroups: 2,
  });
  expect(found.columns).toContainEqual({
    name: "messages",
    type: "list<struct<role: string, content: string>>",
  });
  expect(found.sample).toEqual(
    [0, 1].map((i) => ({
      id: i,
      text: `document ${i}`,
      score: i / 2,
      even: i % 2 === 0,
      day: i === 0 ? null : "2024-01-02T00:00:00.000Z",
      messages: [
        { role: "user", content: `Question ${i}` },
        { role: "assistant", content: `Answer ${i}` },
      ],
    })),
  );
  expect(found.fetchedBytes).toBeLessThan(parquet.length / 20);

  const { stdout } = await peek(["hf:team/set@main", "--limit", "1"], env);
  expect(stdout).toContain(`hf:team/set at ${hub.commit}`);
  expect(stdout).toMatch(
    /data\/train-0\.parquet \(parquet, 20 MB, 2,100 rows, 2 row groups, \d+ kB fetched\)/u,
  );
  expect(stdout).toMatch(/ {2}text\s+string\n/u);
  expect(stdout).toMatch(/row 1\n.*id.*0\n.*text.*document 0\n/u);
  expect(stdout).not.toContain("row 2");
});

test("a ModelScope dataset: the commit of its branch, the first rows of its first file, and little else fetched", async () => {
  const line = (index: number): string =>
    JSON.stringify({ instruction: `问题${index}`, input: "", output: `回答${index}`, history: [["a", "b"]] });
  const lines = Buffer.from(Array.from({ length: 200_000 }, (_, index) => line(index)).join("\n"));
  const scope = await startModelScope("team/set", {
    "README.md": Buffer.from("#"),
    "sft_data_zh.jsonl": lines,
  });
  onTestFinished(() => scope.server[Symbol.asyncDispose]());
  const env = { MODELSCOPE_ENDPOINT: scope.server.url, MODELSCOPE_HOME: "/no/such/home" };
  const found = await json(["modelscope:team/set", "--limit", "1"], env);
  expect(found).toMatchObject({
    source: "modelscope:team/set",
    revision: expect.stringMatching(/^[0-9a-f]{40}$/u) as string,
    file: { path: "sft_data_zh.jsonl", bytes: lines.length },
    columns: [
      { name: "instruction", type: "string" },
      { name: "input", type: "string" },
      { name: "output", type: "string" },
      { name: "history", type: "list<list<string>>" },
    ],
    sample: [{ instruction: "问题0", output: "回答0" }],
  });
  expect(found.fetchedBytes).toBeLessThan(lines.length / 20);
});

test("--file looks at another file, and one that is not there is told with those that are", async () => {
  const { env } = await hubWith({
    "README.md": Buffer.from("# Set\n\nAbout it."),
    "a.jsonl": Buffer.from("{}\n"),
  });
  expect(await json(["hf:team/set", "--file", "READ"], env)).toMatchObject({
    format: "text",
    sample: [{ text: "# Set\n\nAbout it." }],
  });
  expect(await peek(["hf:team/set", "--file", "b"], env)).toMatchObject({
    exitCode: 2,
    stderr: expect.stringMatching(/FILE_NOT_FOUND.*README\.md, a\.jsonl/u) as string,
  });
});

test("a file on a web server: JSON Lines in gzip and Zstandard, with the types that its lines have", async () => {
  const lines = Array.from({ length: 300_000 }, (_, i) =>
    JSON.stringify({ text: `line ${i}`, n: i / 2, tags: i === 0 ? [] : ["a"], extra: null }),
  ).join("\n");
  const files: Readonly<Record<string, Uint8Array>> = {
    "/x/data.jsonl.gz": gzipSync(lines, { level: 0 }),
    "/documents.jsonl.zst": await formatFixture("documents.jsonl.zst"),
  };
  const server = await startServer((request, response) => {
    const bytes = files[(request.url ?? "").replace(/\?.*/u, "")];
    if (bytes) serveBytes(request, response, bytes);
    else response.writeHead(404).end();
  });
  onTestFinished(() => server[Symbol.asyncDispose]());
  const found = await json([`${server.url}/x/data.jsonl.gz?signature=secret`]);
  expect(found).toMatchObject({
    source: `${server.url}/x/data.jsonl.gz`,
    revision: '"v1"',
    format: "jsonl",
    compression: "gzip",
    columns: [
      { name: "text", type: "string" },
      { name: "n", type: "double" },
      { name: "tags", type: "list<null> | list<string>" },
      { name: "extra", type: "null" },
    ],
  });
  expect(found.sample).toHaveLength(3);
  expect(found.fetchedBytes).toBeLessThan(1_000_000);
  expect(JSON.stringify(found)).not.toContain("secret");
  expect(await json([`${server.url}/documents.jsonl.zst`, "--limit", "1"])).toMatchObject({
    compression: "zstd",
    sample: [{ text: "document 0, 第0篇" }],
  });
  expect(await peek([`${server.url}/none.jsonl`])).toMatchObject({
    exitCode: 2,
    stderr: expect.stringContaining("HTTP_REFUSED") as string,
  });
});

test("an npm package is read as far as its first file of data, even Parquet", async () => {
  await registry(
    await pack({
      "package.json": "{}",
      "README.md": "# Words",
      "data/a.txt": "first",
      "data/b.txt": "second",
    }),
  );
  expect(await json(["npm:@scope/words"])).toMatchObject({
    source: "npm:@scope/words",
    revision: "1.2.3",
    file: { path: "data/a.txt", bytes: 5 },
    columns: [{ name: "text", type: "string" }],
    sample: [{ text: "first" }],
  });
  await registry(await pack({ "rows.parquet": await formatFixture("duckdb-snappy.parquet") }));
  expect((await json(["npm:@scope/words@1.2.3"])).sample).toHaveLength(3);
});

test("a path: the first file of a folder, relative to where the user stands; terminals obey nothing of what it holds", async () => {
  const folder = await temporaryDirectory();
  await mkdir(join(folder, "texts"));
  await writeFile(join(folder, "texts", "a.jsonl"), '{"text":"\\u001b[2J\\u009b31mred\\nline"}\n');
  const { stdout, exitCode } = await peek(["texts"], {}, folder);
  expect(exitCode).toBe(0);
  expect(stdout).toContain("red line");
  // eslint-disable-next-line no-control-regex -- control characters are what this looks for
  expect(stdout).not.toMatch(/[\u0000-\u0009\u000b-\u001f\u007f-\u009f]/u);
  await writeFile(join(folder, "texts", "a.jsonl"), '{"text":"fine"}\n[1]\n');
  expect(await peek(["texts"], {}, folder)).toMatchObject({
    exitCode: 1,
    stderr: expect.stringMatching(/JSONL_SYNTAX.*a\.jsonl:2/u) as string,
  });
});

test("of a file without text it is told why there are no rows, and a broken one is named once", async () => {
  const folder = await temporaryDirectory();
  await mkdir(folder, { recursive: true });
  await writeFile(join(folder, "utf16.txt"), Buffer.from("大学之道，在明明德", "utf16le"));
  expect((await peek(["utf16.txt"], {}, folder)).stdout).toMatch(/no rows\n\nleft out: 1 × not UTF-8\n/u);
  expect(await json(["utf16.txt"], {}, folder)).toMatchObject({ sample: [], dropped: { "not UTF-8": 1 } });
  await writeFile(join(folder, "fine.txt"), "fine");
  const fine = await json(["fine.txt"], {}, folder);
  expect(fine.sample).toEqual([{ text: "fine" }]);
  expect(fine).not.toHaveProperty("dropped");
  await writeFile(join(folder, "broken.parquet"), "PAR1");
  const { stderr } = await peek(["broken.parquet"], {}, folder);
  expect(stderr).toMatch(/PARQUET_CORRUPT: local:.*broken\.parquet, footer/u);
  expect(stderr).not.toContain("broken.parquet/");
});

test("what names no source is refused with the forms there are, and never run", async () => {
  for (const name of [
    "",
    "local:",
    "hf:set",
    "hf:../x/y",
    "npm:--registry=x",
    "ftp://host/x",
    "https://user:pass@host/x.txt",
  ]) {
    const { exitCode, stderr } = await peek([name]);
    expect(exitCode).toBe(2);
    expect(stderr).toMatch(/SOURCE_UNKNOWN|URL_INVALID/u);
    expect(stderr).not.toContain("pass@");
  }
});
