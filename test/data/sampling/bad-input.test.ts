/**
 * What may be wrong with the files of a source, as a whole sample meets it: a clear error that names the file, or a drop
 * or repair that the manifest counts; nothing is lost in silence. What moves while it is read: moving-sources.test.ts.
 */
import { mkdir, open, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { gzipSync } from "node:zlib";
import { expect, test } from "vitest";
import { readDocuments } from "../../../src/data/documents/dataset.ts";
import { downloadSample } from "../../../src/data/sampling/download-sample.ts";
import { downloadSampleParams } from "../../../src/data/sampling/sample-params.ts";
import { collect } from "../../../src/std/collect.ts";
import { formatFixture } from "../formats/in-memory.ts";
import { temporaryDirectory } from "../sources/temporary-directory.ts";
import { serveHub } from "./industry-repository.ts";
import { sampleDirectories } from "./sample-directories.ts";

const good = '{"text":"one whole line"}\n';

async function folderOf(files: Readonly<Record<string, Uint8Array | string>>): Promise<string> {
  const folder = await temporaryDirectory();
  for (const [path, content] of Object.entries(files)) {
    await mkdir(dirname(join(folder, path)), { recursive: true });
    await writeFile(join(folder, path), content);
  }
  return folder;
}

/** All that a folder, or another source, gives. */
async function sample(source: string | object) {
  const outputs = await sampleDirectories();
  const texts = { language: "en", category: "notes", characters: 1_000_000 };
  const sources = [typeof source === "string" ? { kind: "local", path: source, ...texts } : source];
  const { corpus } = await downloadSample(
    downloadSampleParams.parse({ seed: 1, heldOutFraction: 0, onShortfall: "report", sources }),
    {
      cacheDir: await temporaryDirectory(),
      workDirectory: join(await temporaryDirectory(), "work"),
      outputs,
      retry: { retries: 0, minTimeoutMs: 1 },
    },
  );
  const documents = await collect(readDocuments(outputs.corpus, "train"));
  const dropped = Object.entries(corpus.dropped).map(([reason, { records }]) => [reason, records] as const);
  return {
    texts: documents.map(({ text }) => text),
    dropped: Object.fromEntries(dropped.filter(([reason]) => reason !== "not drawn")),
    repaired: corpus.repaired,
    read: corpus.read.records,
  };
}

test("broken Parquet ends the sample and is named, wherever it is cut", async () => {
  const whole = await formatFixture("duckdb-snappy.parquet");
  for (const length of [3, 400, whole.length >> 1, whole.length - 1]) {
    const folder = await folderOf({ "a.jsonl": good, "b.parquet": whole.subarray(0, length) });
    await expect(sample(folder)).rejects.toMatchObject({
      code: "PARQUET_CORRUPT",
      message: expect.stringContaining("b.parquet") as string,
    });
  }
});

test("a truncated gzip file ends the sample and is named", async () => {
  const bytes = gzipSync(good.repeat(500));
  const folder = await folderOf({ "a.jsonl": good, "b.jsonl.gz": bytes.subarray(0, -9) });
  await expect(sample(folder)).rejects.toMatchObject({
    code: "FILE_CORRUPT",
    message: expect.stringContaining("b.jsonl.gz") as string,
  });
});

test(
  "a line of 500 MB is left out and counted, and memory does not hold it",
  { timeout: 120_000 },
  async () => {
    const folder = await folderOf({ "long.jsonl": `{"text":"before it"}\n{"text":"` });
    const file = await open(join(folder, "long.jsonl"), "r+");
    await file.truncate(500_000_000); // a hole: it takes no room
    await file.write(`"}\n{"text":"after it"}\n`, 500_000_000);
    await file.close();
    const before = process.memoryUsage().rss;
    let most = 0;
    const watch = setInterval(() => (most = Math.max(most, process.memoryUsage().rss - before)), 5);
    const { texts, dropped, read } = await sample(folder);
    clearInterval(watch);
    expect(texts).toEqual(["before it", "after it"]);
    expect(dropped).toEqual({ "line too long": 1 });
    expect(read).toBe(3);
    expect(most).toBeLessThan(400_000_000);
  },
);

test("a row of 500 MB in Parquet is refused before it is unpacked, with its place", async () => {
  const folder = await folderOf({ "long.parquet": await formatFixture("long-row.parquet") });
  await expect(sample(folder)).rejects.toMatchObject({
    code: "PARQUET_TOO_LARGE",
    message: expect.stringMatching(/long\.parquet.*column text/u) as string,
  });
});

const chinese = "大学之道，在明明德，在亲民，在止于至善。";
const gbk = Buffer.from("b4f3d1a7d6aeb5c0a3acd4dac3f7c3f7b5c2", "hex"); // its beginning in GBK
const utf16 = Buffer.from(chinese, "utf16le");

test("of files in mixed encodings UTF-8 is read, and the others are left out and counted", async () => {
  const long = "a sentence in which one byte of many is wrong. ".repeat(4);
  const { texts, dropped, repaired } = await sample(
    await folderOf({
      "a-utf8.txt": chinese,
      "b-utf8-with-mark.txt": `\uFEFFwith a byte order mark`,
      "c-gbk.txt": gbk,
      "d-utf16.txt": utf16,
      "e-latin1.txt": Buffer.from("déjà vu à la carte, très près, où çà là", "latin1"),
      "f-one-bad-byte.txt": Buffer.concat([Buffer.from(long), Buffer.from([0xff]), Buffer.from(long)]),
      "g-lines.jsonl": Buffer.concat([Buffer.from('{"text":"'), gbk, Buffer.from(`"}\n${good}`)]),
    }),
  );
  expect(texts).toEqual([chinese, "with a byte order mark", `${long}\uFFFD${long}`.trim(), "one whole line"]);
  expect(dropped).toEqual({ "not UTF-8": 4 });
  expect(repaired).toEqual({ invalidUtf8: 1 });
});

test("of bytes in Parquet that are no UTF-8 a few are repaired, and more leave the row out", async () => {
  const bytes = await formatFixture("invalid-utf8.parquet"); // one bad byte, GBK, a surrogate by itself, good text
  const folder = await folderOf({ "x.parquet": bytes });
  const { texts, dropped, repaired } = await sample(folder);
  expect(texts.map((text) => text.slice(0, 15))).toEqual(["good \uFFFD one byte", "全文は正常です"]);
  expect(dropped).toEqual({ "not UTF-8": 2 });
  expect(repaired).toEqual({ replacementCharacters: 1 });

  await serveHub("team/industry", { "sports/english/high/rank_00001.parquet": bytes });
  const industry = await sample({
    kind: "huggingface",
    repository: "team/industry",
    revision: "main",
    dataset: "industry-corpus-2",
    characters: { en: 10_000, zh: 0 },
    weights: { sports: 1 },
    qualities: ["high"],
  });
  expect(new Set(industry.texts)).toEqual(new Set(texts));
  expect({ dropped: industry.dropped, repaired: industry.repaired }).toEqual({ dropped, repaired });
});

test("lone surrogates in text are replaced and counted", async () => {
  const { texts, repaired } = await sample(
    await folderOf({ "a.jsonl": `{"text":"half \\ud83d of a character"}\n${good}` }),
  );
  expect(texts).toEqual(["half \uFFFD of a character", "one whole line"]);
  expect(repaired).toEqual({ loneSurrogates: 1 });
});
