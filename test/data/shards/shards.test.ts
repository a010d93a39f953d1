import { existsSync, readFileSync, statSync, symlinkSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { expect, onTestFinished, test } from "vitest";
import { documentHash } from "../../../src/data/shards/document-hash.ts";
import { openShards } from "../../../src/data/shards/open-shards.ts";
import { packTokens } from "../../../src/data/shards/shard-format.ts";
import { tokenizeDocuments } from "../../../src/data/shards/tokenize-documents.ts";
import { createShardWriter } from "../../../src/data/shards/write-shards.ts";
import { documents, encoder, temporaryFolder, tokenizerDigest } from "./corpus.ts";

async function tokenized(shardTokens = 4000): Promise<string> {
  const folder = temporaryFolder();
  await tokenizeDocuments(documents, encoder, folder, { tokenizerDigest, shardTokens });
  return folder;
}

async function openForTest(folder: string) {
  const shards = await openShards(folder, { tokenizerDigest });
  onTestFinished(() => shards.close());
  return shards;
}

test("tokenized documents are read back, in order, with their boundaries, bytes and hashes", async () => {
  const shards = await openForTest(await tokenized());
  const reader = shards.split("documents");
  expect(shards.manifest.splits["documents"]?.shards.length).toBeGreaterThan(2);
  let at = 0;
  for await (const { firstToken, entries } of reader.documentBlocks()) {
    let token = firstToken;
    for (let i = 0; i < entries.length; i += 5) {
      const [tokens = 0, bytes, high, low, stratum = 0] = entries.subarray(i, i + 5);
      const document = documents[at++];
      const ids = new Int32Array(tokens);
      await reader.read(token, tokens, ids);
      expect(encoder.decode(ids)).toBe(document?.text);
      expect(bytes).toBe(Buffer.byteLength(document?.text ?? ""));
      expect([high, low]).toEqual(documentHash(document?.text ?? ""));
      const { language, category, source } = document ?? {};
      expect(shards.manifest.strata[stratum]).toEqual({ language, category, source });
      token += tokens;
    }
  }
  expect(at).toBe(documents.length);
});

test("the manifest's totals are those of the documents and of the files", async () => {
  const folder = await tokenized();
  const { manifest } = await openForTest(folder);
  const split = manifest.splits["documents"];
  expect(split?.totals.documents).toBe(documents.length);
  expect(split?.totals.bytes).toBe(documents.reduce((sum, { text }) => sum + Buffer.byteLength(text), 0));
  expect(split?.totals.tokens).toBe(
    documents.reduce((sum, { text }) => sum + encoder.encode(text).length, 0),
  );
  for (const shard of split?.shards ?? []) {
    expect(statSync(join(folder, `${shard.name}.tokens`)).size).toBe(64 + 2 * shard.tokens);
    expect(shard.tokens).toBeLessThanOrEqual(4000);
  }
});

test("any range is read the same whatever the shards' size", async () => {
  const small = (await openForTest(await tokenized(500))).split("documents");
  const large = (await openForTest(await tokenized(10 ** 9))).split("documents");
  const { tokens } = small.totals;
  await fc.assert(
    fc.asyncProperty(fc.nat(tokens), fc.nat(2000), async (start, length) => {
      const count = Math.min(length, tokens - start);
      const a = new Int32Array(count);
      const b = new Int32Array(count);
      await Promise.all([small.read(start, count, a), large.read(start, count, b)]);
      expect(a).toEqual(b);
    }),
    { numRuns: 100 },
  );
  await expect(small.read(tokens - 1, 2, new Int32Array(2))).rejects.toThrow(RangeError);
});

test("of a split of 40 GB only what is asked for is read", async () => {
  const folder = temporaryFolder();
  const writer = await createShardWriter(folder, { tokenizerDigest, vocabSize: 800, shardTokens: 10 ** 9 });
  const stratum = { source: "s", language: "en", category: "c" };
  const ids = Uint32Array.from({ length: 1000 }, (_, at) => at % 800);
  await writer.append({ split: "x", stratum, tokens: packTokens(ids, 2), bytes: 1000, hash: [1, 2] });
  await writer.close();
  // The rest is a hole: it takes no room on the disk, and would take all of the memory.
  const tokens = 20 * 10 ** 9;
  change(folder, "x-00000.tokens", (bytes) => bytes.writeBigUInt64LE(BigInt(tokens), 16));
  truncateSync(join(folder, "x-00000.tokens"), 64 + 2 * tokens);
  const manifest = readFileSync(join(folder, "manifest.json"), "utf8");
  writeFileSync(
    join(folder, "manifest.json"),
    manifest.replaceAll(/"tokens": 1000\b/gu, `"tokens": ${tokens}`),
  );
  const split = (await openForTest(folder)).split("x");
  expect(split.totals.tokens).toBe(tokens);
  const before = process.memoryUsage().rss;
  const out = new Int32Array(4);
  await split.read(998, 4, out);
  expect([...out]).toEqual([198, 199, 0, 0]);
  await split.read(tokens - 4, 4, out);
  expect([...out]).toEqual([0, 0, 0, 0]);
  expect(process.memoryUsage().rss - before).toBeLessThan(100_000_000);
});

test("vocabularies above 65,536 tokens take four bytes a token", async () => {
  const folder = temporaryFolder();
  const writer = await createShardWriter(folder, { tokenizerDigest, vocabSize: 70_001, shardTokens: 100 });
  const tokens = packTokens(Uint32Array.of(65_536, 1, 70_000), 4);
  const stratum = { source: "s", language: "en", category: "c" };
  await writer.append({ split: "documents", stratum, tokens, bytes: 3, hash: [1, 2] });
  await writer.close();
  const out = new Int32Array(3);
  await (await openForTest(folder)).split("documents").read(0, 3, out);
  expect([...out]).toEqual([65_536, 1, 70_000]);
  expect(readFileSync(join(folder, "documents-00000.tokens"), "latin1").slice(0, 8)).toBe("MLMSHARD");
});

test("the file's layout is little-endian behind the documented header", async () => {
  const folder = temporaryFolder();
  const writer = await createShardWriter(folder, { tokenizerDigest, vocabSize: 800, shardTokens: 100 });
  const stratum = { source: "s", language: "en", category: "c" };
  await writer.append({
    split: "x",
    stratum,
    tokens: packTokens(Uint32Array.of(1, 0x0203), 2),
    bytes: 7,
    hash: [8, 9],
  });
  await writer.close();
  expect(readFileSync(join(folder, "x-00000.tokens")).toString("hex")).toBe(
    [
      Buffer.from("MLMSHARD").toString("hex"),
      "01000000", // version
      "02000000", // bytes per token
      "0200000000000000", // tokens
      "0100000000000000", // documents
      tokenizerDigest,
      "0100",
      "0302",
    ].join(""),
  );
  expect(readFileSync(join(folder, "x-00000.documents")).toString("hex")).toBe(
    ["02000000", "07000000", "08000000", "09000000", "00000000"].join(""),
  );
});

const tokensFile = "documents-00000.tokens";
function change(folder: string, name: string, edit: (bytes: Buffer) => void): void {
  const bytes = readFileSync(join(folder, name));
  edit(bytes);
  writeFileSync(join(folder, name), bytes);
}

test.each<[string, (folder: string) => void, RegExp]>([
  [
    "a truncated token file",
    (f) => truncateSync(join(f, tokensFile), 1000),
    /00000\.tokens .* it has 1000 bytes, but/,
  ],
  [
    "a truncated document file",
    (f) => truncateSync(join(f, "documents-00000.documents"), 8),
    /\.documents .* 8 bytes/,
  ],
  ["no header", (f) => truncateSync(join(f, tokensFile), 10), /10 bytes, less than a header/],
  [
    "another magic",
    (f) => change(f, tokensFile, (b) => b.write("X", 0)),
    /does not begin like a token shard/,
  ],
  ["another version", (f) => change(f, tokensFile, (b) => b.writeUInt32LE(9, 8)), /its version is 9, not 1/],
  ["another token width", (f) => change(f, tokensFile, (b) => b.writeUInt32LE(4, 12)), /4 bytes per token/],
  [
    "another count",
    (f) => change(f, tokensFile, (b) => b.writeUInt32LE(7, 16)),
    /header says 7 tokens, the manifest/,
  ],
  ["another tokenizer", (f) => change(f, tokensFile, (b) => b.fill(0, 32, 64)), /its tokenizer is 0000/],
  [
    "a manifest that is no JSON",
    (f) => writeFileSync(join(f, "manifest.json"), "{"),
    /manifest\.json .* not JSON/,
  ],
  [
    "totals that do not add up",
    (f) => change(f, "manifest.json", (b) => b.write("9", b.indexOf('"tokens": ') + 10)),
    /add up to/,
  ],
])("shards with %s are refused by name", async (_what, damage, message) => {
  const folder = await tokenized();
  damage(folder);
  const opening = openShards(folder);
  await expect(opening).rejects.toThrow(message);
  await expect(opening).rejects.toMatchObject({ code: "SHARD_INVALID" });
});

test.each<[string, (folder: string) => void, RegExp]>([
  [
    "a stratum that is not listed",
    (f) => change(f, "documents-00000.documents", (b) => b.writeUInt32LE(99, 16)),
    /document 0 is of stratum 99, which the manifest does not list/,
  ],
  [
    "a document that is longer than it was",
    (f) => change(f, "documents-00000.documents", (b) => b.writeUInt32LE(b.readUInt32LE(0) + 1, 0)),
    /its documents have \d+ tokens, but .*\.tokens has/,
  ],
  [
    "other bytes of text than the manifest counts",
    (f) => change(f, "documents-00000.documents", (b) => b.writeUInt32LE(b.readUInt32LE(4) + 1, 4)),
    /manifest\.json .* bytes of stratum 0, but the shards have/,
  ],
])("documents with %s are refused once they are read", async (_what, damage, message) => {
  const folder = await tokenized();
  damage(folder);
  const reader = (await openForTest(folder)).split("documents");
  const reading = (async () => {
    for await (const block of reader.documentBlocks()) expect(block.entries.length).toBeGreaterThan(0);
  })();
  await expect(reading).rejects.toThrow(message);
  await expect(reading).rejects.toMatchObject({ code: "SHARD_INVALID" });
});

test("a token that is not in the vocabulary is refused where it is read", async () => {
  const folder = await tokenized();
  change(folder, tokensFile, (b) => b.writeUInt16LE(60_000, 64));
  const reader = (await openForTest(folder)).split("documents");
  await expect(reader.read(0, 4, new Int32Array(4))).rejects.toThrow(
    /00000\.tokens .* token 60000 is not in a vocabulary of 800/,
  );
  await reader.read(1, 4, new Int32Array(4)); // the others can be read
});

test.skipIf(!existsSync("/dev/full"))("a full disk stops the writer with the system's error", async () => {
  const folder = temporaryFolder();
  symlinkSync("/dev/full", join(folder, tokensFile));
  await expect(
    tokenizeDocuments(documents, encoder, folder, { tokenizerDigest, shardTokens: 10 ** 6 }),
  ).rejects.toMatchObject({ code: "ENOSPC" });
  await expect(openShards(folder)).rejects.toMatchObject({ code: "SHARD_INVALID" });
});

test("shards of another tokenizer are refused", async () => {
  await expect(openShards(await tokenized(), { tokenizerDigest: "0".repeat(64) })).rejects.toThrow(
    /made with the tokenizer [0-9a-f]{64}, not with 0000/,
  );
});

test("a folder that was never finished is refused, and a split that is not there is named", async () => {
  const folder = temporaryFolder();
  const writer = await createShardWriter(folder, { tokenizerDigest, vocabSize: 800, shardTokens: 100 });
  await writer.abort();
  await expect(openShards(folder)).rejects.toThrow(/manifest\.json cannot be used: it cannot be read/);
  const shards = await openForTest(await tokenized());
  expect(() => shards.split("train")).toThrow(/no split train; they have documents/);
});

test("empty documents are dropped and counted; nothing but empty documents is an error", async () => {
  const empty = { text: "", language: "en", source: "s", category: "c" } as const;
  const options = { tokenizerDigest, shardTokens: 100 };
  const manifest = await tokenizeDocuments(
    [empty, ...documents.slice(0, 2), empty],
    encoder,
    temporaryFolder(),
    options,
  );
  expect(manifest.details).toEqual({ dropped: { empty: 2, tooLong: 0 } });
  await expect(tokenizeDocuments([empty], encoder, temporaryFolder(), options)).rejects.toMatchObject({
    code: "SHARD_NO_TEXT",
  });
});
