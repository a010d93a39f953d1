import { gzipSync } from "node:zlib";
import { expect, test } from "vitest";
import { decompressed } from "../../../src/data/formats/decompress.ts";
import { formatFixture } from "./in-memory.ts";

/** Reads through pieces of a size; keeps the text, or counts only. */
async function read(
  bytes: Uint8Array,
  compression: "gzip" | "zstd",
  piece = bytes.length,
): Promise<{ text: string; bytes: number; error?: unknown }> {
  const pieces = async function* () {
    for (let at = 0; at < bytes.length; at += piece)
      yield await Promise.resolve(bytes.subarray(at, at + piece));
  };
  const decoder = new TextDecoder();
  const read = { text: "", bytes: 0 };
  try {
    for await (const chunk of decompressed(pieces(), compression, "x.gz")) {
      read.bytes += chunk.length;
      if (read.bytes < 1_000_000) read.text += decoder.decode(chunk, { stream: true });
    }
  } catch (error) {
    return { ...read, error };
  }
  return read;
}

const lines = Array.from({ length: 3000 }, (_, row) => `{"text":"document ${row}, 第${row}篇"}\n`).join("");

test("Zstandard frames in a row are read through, however the bytes arrive", async () => {
  const bytes = await formatFixture("documents.jsonl.zst");
  for (const piece of [1, 3, 1000, bytes.length])
    expect(await read(bytes, "zstd", piece)).toMatchObject({ text: lines });
});

test("gzip members in a row are read through", async () => {
  const bytes = Buffer.concat([gzipSync(lines.slice(0, 5000)), gzipSync(lines.slice(5000))]);
  expect((await read(bytes, "gzip", 700)).text).toBe(lines);
});

test("wherever a stream is cut, it is FILE_CORRUPT, and what came before is given", async () => {
  const zstd = await formatFixture("documents.jsonl.zst");
  const gzip = gzipSync(lines);
  for (const [bytes, compression] of [
    [zstd, "zstd"],
    [gzip, "gzip"],
  ] as const) {
    for (let cut = 1; cut < bytes.length; cut = Math.max(cut + 1, Math.floor(cut * 1.1))) {
      const { error, text } = await read(bytes.subarray(0, cut), compression);
      // Between its two frames the file is whole, and half.
      if (error === undefined) expect(text).toBe(lines.split("\n").slice(0, 2000).join("\n") + "\n");
      else
        expect(error).toMatchObject({
          code: "FILE_CORRUPT",
          message: expect.stringContaining("x.gz") as string,
        });
      expect(lines.startsWith(text.replace(/\uFFFD+$/u, ""))).toBe(true);
    }
    expect((await read(bytes.subarray(0, -1), compression)).error).toMatchObject({ code: "FILE_CORRUPT" });
  }
});

test("what is neither is FILE_CORRUPT", async () => {
  for (const compression of ["gzip", "zstd"] as const)
    expect((await read(Buffer.from("plain text, named wrongly"), compression)).error).toMatchObject({
      code: "FILE_CORRUPT",
    });
});

test("a zip bomb is FILE_SWELLS soon after it has begun to swell", async () => {
  for (const [bytes, compression] of [
    [await formatFixture("bomb.txt.zst"), "zstd"],
    [gzipSync(Buffer.alloc(200_000_000)), "gzip"],
  ] as const) {
    const swollen = await read(bytes, compression);
    expect(swollen.error).toMatchObject({ code: "FILE_SWELLS" });
    expect(swollen.bytes).toBeLessThan(150_000_000);
  }
});

test("a window of gigabytes is refused before it is made", async () => {
  const frame = (...header: number[]) => Buffer.from([0x28, 0xb5, 0x2f, 0xfd, ...header, 1, 0, 0]);
  for (const hostile of [
    frame(0, 0xa0), // 1 GiB
    frame(0, 0xff), // 3.75 TiB
    frame(0xe0, 0, 0, 0, 0, 1, 0, 0, 0), // one segment of 4 GiB
  ])
    expect((await read(hostile, "zstd")).error).toMatchObject({
      code: "FILE_CORRUPT",
      message: expect.stringContaining("window") as string,
    });
  expect(await read(frame(0, 0x50), "zstd")).toEqual({ text: "", bytes: 0 }); // 1 MiB, and nothing in it
});
