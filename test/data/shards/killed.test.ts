/** Shards and mixing under SIGKILL: whatever was left behind, the next try gives the bytes of an undisturbed one, and no more. */
import { existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";
import { execa } from "execa";
import { afterAll, beforeAll, expect, test } from "vitest";
import { createRandom } from "../../../src/data/random.ts";
import { openShards } from "../../../src/data/shards/open-shards.ts";
import { readGolden } from "../../tokenizer/golden.ts";
import { documents, temporaryFolder } from "./corpus.ts";
import { shardWork } from "./shard-work.ts";

const tokenizer = fileURLToPath(new URL("../../golden/tokenizer/tokenizer-800.json", import.meta.url));
const work = shardWork(readGolden("tokenizer-800.json"));
/** In the project's cache, where packages are found. */
const script = resolve("cache", `killed-process-${process.pid}.mjs`);

beforeAll(async () => {
  await build({
    entryPoints: [resolve(import.meta.dirname, "killed-process.ts")],
    outfile: script,
    bundle: true,
    packages: "external",
    platform: "node",
    format: "esm",
  });
});
afterAll(() => rmSync(script, { force: true }));

/** Every file below, with its bytes. */
const bytesOf = (folder: string): Record<string, string> =>
  Object.fromEntries(
    readdirSync(folder, { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map((entry) => join(entry.parentPath, entry.name))
      .map((path) => [path.slice(folder.length), readFileSync(path, "latin1")] as const)
      .sort(([a], [b]) => (a < b ? -1 : 1)),
  );

/** `count` different ones of 1 to `calls`, first and last among them. */
function chosen(calls: number, count: number): number[] {
  const random = createRandom("kills");
  const points = new Set([1, calls]);
  while (points.size < Math.min(count, calls)) points.add(1 + random.nextInt(calls));
  return [...points].sort((a, b) => a - b);
}

async function setUp(what: "tokenize" | "mix") {
  const from = temporaryFolder();
  const source = what === "tokenize" ? join(from, "documents.json") : from;
  if (what === "tokenize") writeFileSync(source, JSON.stringify(documents));
  else await work.tokenize(documents, from);
  const attempt = (folder: string, killAt?: number) =>
    execa("node", [script, what, tokenizer, source, folder, String(killAt ?? "")], { reject: false });
  const finish = (folder: string) =>
    what === "tokenize" ? work.tokenize(documents, folder) : work.mix(from, folder);
  return { attempt, finish };
}

async function expectNothingTorn(folder: string, expected: Record<string, string>): Promise<void> {
  try {
    await (await openShards(folder)).close();
  } catch (error) {
    expect(error).toMatchObject({ code: "SHARD_INVALID" });
    return;
  }
  expect(bytesOf(folder)).toMatchObject(expected);
}

test.each([["tokenize"], ["mix"]] as const)(
  "%s killed at random calls that change the disk leaves nothing readable but whole shards, and the next try the same bytes",
  async (what) => {
    const { attempt, finish } = await setUp(what);
    const whole = temporaryFolder();
    const undisturbed = await attempt(whole);
    expect(undisturbed.exitCode, undisturbed.stderr).toBe(0);
    const expected = bytesOf(whole);
    expect(Object.keys(expected).some((name) => name.includes("unsorted"))).toBe(false);
    const calls = Number(undisturbed.stdout);
    expect(calls).toBeGreaterThan(what === "mix" ? 300 : 20);

    let unsorted = 0;
    for (const killAt of chosen(calls, 8)) {
      const folder = temporaryFolder();
      // Killed, killed again on the way over what the first left behind, and then let through.
      for (const point of [killAt, 1 + ((killAt * 7) % calls)])
        expect((await attempt(folder, point)).signal, `call ${point}`).toBe("SIGKILL");
      if (existsSync(join(folder, "unsorted"))) unsorted++;
      await expectNothingTorn(folder, expected);
      await finish(folder);
      expect(bytesOf(folder)).toEqual(expected);
    }
    // Over whole shards, too.
    await attempt(whole, Math.ceil(calls / 2));
    await expectNothingTorn(whole, expected);
    if (what === "mix") expect(unsorted).toBeGreaterThan(2);
  },
  180_000, // twenty processes
);
