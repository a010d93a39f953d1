import { createReadStream } from "node:fs";
import { rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import ssri from "ssri";
import { expect, test } from "vitest";
import { openNpmTarball, type NpmTarball } from "../../../src/data/sources/npm-tarball.ts";
import { readText } from "../../../src/data/sources/source.ts";
import { tarEntries } from "../../../src/data/formats/tar-entries.ts";
import { pack, registry } from "./npm-registry.ts";
import { temporaryDirectory } from "./temporary-directory.ts";

const long = Array.from({ length: 20_000 }, (_, index) => `line ${index * 7919}`).join("\n");
const files = {
  "package.json": JSON.stringify({ name: "@scope/words", version: "1.2.3" }),
  "data/a.txt": "first",
  "data/b.txt": long,
  "data/c.txt": long.toUpperCase(),
};

const pinOf = (bytes: Buffer): NpmTarball => ({
  package: "@scope/words",
  version: "1.2.3",
  bytes: bytes.length,
  integrity: ssri.fromData(bytes, { algorithms: ["sha512"] }).toString(),
  licence: "MIT",
});

const fastRetry = { retries: 1, minTimeoutMs: 1 };

test("a package of the registry that npm is configured for is fetched and read in place", async () => {
  const tarball = await pack(files);
  await registry(tarball);
  const source = await openNpmTarball(pinOf(tarball), {
    cacheDirectory: await temporaryDirectory(),
    retry: fastRetry,
  });
  const texts: Record<string, string> = {};
  for await (const file of source.files((path) => path.startsWith("data/")))
    texts[file.path] = await readText(file);
  expect(texts).toEqual({ "data/a.txt": "first", "data/b.txt": long, "data/c.txt": long.toUpperCase() });
  expect(source.record()).toMatchObject({ name: "npm:@scope/words", revision: "1.2.3", licence: "MIT" });
});

test("of a tarball whose end is not wanted only the beginning is fetched and read", async () => {
  const tarball = await pack(files);
  const beginning = tarball.subarray(0, Math.ceil(tarball.length * 0.75)); // ends in the middle of data/c.txt
  const server = await registry(tarball);
  const pin = { ...pinOf(beginning), lastEntry: "data/b.txt" };
  const source = await openNpmTarball(pin, { cacheDirectory: await temporaryDirectory(), retry: fastRetry });
  const texts: string[] = [];
  for await (const file of source.files((path) => path.startsWith("data/"))) texts.push(await readText(file));
  expect(texts).toEqual(["first", long]);
  expect(server.requests.at(-1)?.range).toBe(`bytes=0-${beginning.length - 1}`);
});

test("where plain HTTP is refused npm fetches the file itself, and says so", async () => {
  const tarball = await pack(files);
  await registry(tarball, (count) => (count === 0 ? 401 : 200));
  const notices: string[] = [];
  const cacheDirectory = await temporaryDirectory();
  const source = await openNpmTarball(pinOf(tarball), {
    cacheDirectory,
    retry: fastRetry,
    onNotice: (message) => notices.push(message),
  });
  for await (const file of source.files((path) => path === "data/a.txt"))
    expect(await readText(file)).toBe("first");
  expect(notices.join()).toContain("Letting npm fetch it");
});

test("a registry that cannot be reached is NETWORK_UNAVAILABLE, one without the package PACKAGE_NOT_FOUND", async () => {
  const tarball = await pack(files);
  const server = await registry(tarball);
  const cacheDirectory = await temporaryDirectory();
  await expect(
    openNpmTarball({ ...pinOf(tarball), package: "nothing-there" }, { cacheDirectory }),
  ).rejects.toMatchObject({
    code: "PACKAGE_NOT_FOUND",
  });
  await server[Symbol.asyncDispose]();
  await rm(process.env.npm_config_cache ?? "", { recursive: true, force: true });
  await expect(openNpmTarball(pinOf(tarball), { cacheDirectory })).rejects.toMatchObject({
    code: "NETWORK_UNAVAILABLE",
  });
});

async function read(
  bytes: Uint8Array,
  options: { lastEntry?: string; maxEntryBytes?: number } = {},
): Promise<string[]> {
  const path = join(await temporaryDirectory(), "archive.tgz");
  await writeFile(path, bytes);
  const paths: string[] = [];
  for await (const file of tarEntries(createReadStream(path), () => true, { name: "words@1", ...options })) {
    await readText(file);
    paths.push(file.path);
  }
  return paths;
}

test("what is no gzipped tar, or not a whole one, is ARCHIVE_CORRUPT", async () => {
  const tarball = await pack(files);
  const corrupt = { code: "ARCHIVE_CORRUPT" };
  await expect(read(Buffer.from("this is no archive"))).rejects.toMatchObject(corrupt);
  await expect(read(gzipSync(Buffer.alloc(2000, "x")))).rejects.toMatchObject(corrupt);
  await expect(read(tarball.subarray(0, tarball.length / 2))).rejects.toMatchObject(corrupt);
  const flipped = Buffer.from(tarball);
  flipped[5000] = (flipped[5000] ?? 0) ^ 0xff;
  await expect(read(flipped)).rejects.toMatchObject(corrupt);
  await expect(read(tarball, { lastEntry: "data/never.txt" })).rejects.toMatchObject(corrupt);
});

test("entries that are not asked for are passed over, entries beyond the bound are refused", async () => {
  const tarball = await pack(files);
  expect(await read(tarball)).toEqual(Object.keys(files));
  await expect(read(tarball, { maxEntryBytes: 1000 })).rejects.toMatchObject({
    code: "ARCHIVE_ENTRY_TOO_LARGE",
  });
});
