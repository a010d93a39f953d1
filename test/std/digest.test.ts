import { createHash } from "node:crypto";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { digestOfFile } from "../../src/std/digest.ts";

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "digest-"));
});
afterEach(() => {
  rmSync(folder, { recursive: true });
});

const mebibyte = 2 ** 20;

test.each([0, 1, 2 ** 17 + 1, 8 * mebibyte, 8 * mebibyte + 1, 10 * mebibyte, 21 * mebibyte - 1])(
  "a file of %i bytes has the digest of its bytes",
  async (length) => {
    const bytes = Buffer.from(
      Uint32Array.from({ length: Math.ceil(length / 4) }, (_, index) => index).buffer,
    );
    const content = bytes.subarray(0, length);
    const path = join(folder, "file");
    writeFileSync(path, content);
    let seen = 0;
    const digest = await digestOfFile(path, "sha256", (count) => (seen += count));
    expect(digest).toBe(createHash("sha256").update(content).digest("hex"));
    expect(seen).toBe(length);
  },
);

test("what is thrown at a block ends it, early and late in the file", async () => {
  const path = join(folder, "file");
  writeFileSync(path, Buffer.alloc(20 * mebibyte));
  for (const end of [1, 15 * mebibyte]) {
    let seen = 0;
    const stop = (count: number) => {
      seen += count;
      if (seen > end) throw new Error("stopped");
    };
    await expect(digestOfFile(path, "sha256", stop)).rejects.toThrow("stopped");
    expect(seen).toBeLessThan(18 * mebibyte);
  }
});
