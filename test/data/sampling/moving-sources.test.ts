/** A source that moves while a sample is made, or between two tries: one revision of it, or a clear error, never two in one. */
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, onTestFinished, test, vi } from "vitest";
import { downloadSample } from "../../../src/data/sampling/download-sample.ts";
import { movableSources } from "../../../src/data/sampling/movable-sources.ts";
import { downloadSampleParams } from "../../../src/data/sampling/sample-params.ts";
import { serveBytes, startServer } from "../sources/http-server.ts";
import { startModelScope } from "../sources/modelscope-server.ts";
import { temporaryDirectory } from "../sources/temporary-directory.ts";
import { serveHub } from "./industry-repository.ts";
import { bytesOf, sampleDirectories } from "./sample-directories.ts";

const lines = (name: string): Buffer =>
  Buffer.from(
    Array.from({ length: 200 }, (_, i) => JSON.stringify({ text: `${name} ${i} is like ${i * i}` })).join(
      "\n",
    ),
  );

const repository = { "a.jsonl": lines("one"), "b.jsonl": lines("two") };
const moved = { "a.jsonl": lines("other"), "b.jsonl": lines("another") };

interface Sources {
  readonly kind: string;
  readonly move: (files: Record<string, Uint8Array>) => void;
}

async function huggingFace(): Promise<Sources> {
  const { move } = await serveHub("team/set", repository);
  return { kind: "huggingface", move };
}

async function modelScope(): Promise<Sources> {
  const { server, commit } = await startModelScope("team/set", repository);
  vi.stubEnv("MODELSCOPE_ENDPOINT", server.url);
  vi.stubEnv("MODELSCOPE_HOME", "/no/such/home");
  onTestFinished(async () => {
    vi.unstubAllEnvs();
    await server[Symbol.asyncDispose]();
  });
  return { kind: "modelscope", move: commit };
}

/** Half of the text of two files, each a source by itself. */
const textsOf = (...sources: readonly object[]) =>
  downloadSampleParams.parse({
    seed: 3,
    heldOutFraction: 0.1,
    onShortfall: "report",
    sources: sources.map((source, index) => ({
      language: "en",
      category: `c${index}`,
      characters: 2000,
      ...source,
    })),
  });

async function work() {
  const outputs = await sampleDirectories();
  const workDirectory = join(await temporaryDirectory(), "work");
  const run = async (params: ReturnType<typeof textsOf>, onCheckpoint?: (step: number) => unknown) => {
    const controller = new AbortController();
    const manifests = await downloadSample(params, {
      cacheDir: await temporaryDirectory(),
      workDirectory,
      outputs,
      retry: { retries: 0, minTimeoutMs: 1 },
      signal: controller.signal,
      onCheckpoint: (step) => {
        onCheckpoint?.(step);
        if (onCheckpoint) controller.abort(new Error("stopped"));
      },
    });
    return manifests.corpus;
  };
  return { outputs, run };
}

test.each([
  ["Hugging Face", huggingFace],
  ["ModelScope", modelScope],
])(
  "a branch of %s that moves between two tries of a sample is read where it was, to the bytes of an undisturbed one",
  async (_name, start) => {
    const { kind, move } = await start();
    const at = { kind, repository: "team/set", revision: "master", dataset: "texts" };
    const params = textsOf({ ...at, files: "a" }, { ...at, files: "b" });
    const undisturbed = await work();
    const whole = await undisturbed.run(params);
    const expected = await bytesOf(undisturbed.outputs);

    const disturbed = await work();
    await expect(disturbed.run(params, () => move(moved))).rejects.toThrow("stopped");
    const { sources } = await disturbed.run(params);
    expect(await bytesOf(disturbed.outputs)).toEqual(expected);
    expect(sources).toEqual(whole.sources);
    expect(sources.map(({ asked }) => asked)).toEqual(["master", "master"]);
    expect(new Set(sources.map(({ revision }) => revision)).size).toBe(1);
    // What the log of the stage says, once for both.
    const [told, ...more] = movableSources({ sources });
    expect(more).toEqual([]);
    expect(told).toContain(`:team/set: master was at ${sources[0]?.revision ?? "?"}.`);
    expect(told).toContain("run download-sample --force download-sample");

    const later = await (await work()).run(params);
    expect(later.sources[0]?.revision).not.toBe(sources[0]?.revision);
    expect(later.files.map(({ sha256 }) => sha256)).not.toEqual(whole.files.map(({ sha256 }) => sha256));
    const pinned = await work();
    const revision = sources[0]?.revision ?? "";
    const again = await pinned.run(textsOf({ ...at, revision, files: "a" }, { ...at, revision, files: "b" }));
    expect(again.files).toEqual(whole.files);
    expect(again.sources.map(({ asked }) => asked)).toEqual([undefined, undefined]);
    expect(movableSources(again)).toEqual([]);
  },
);

test("a file on a web server that changes between two of its parts is SOURCE_CHANGED, and the next sample begins anew", async () => {
  let version = 1;
  const server = await startServer((request, response) =>
    serveBytes(request, response, lines(`version ${version}`), `"v${version}"`),
  );
  onTestFinished(() => server[Symbol.asyncDispose]());
  const url = `${server.url}/x.jsonl`;
  const folder = await temporaryDirectory();
  await writeFile(join(folder, "own.jsonl"), lines("own"));
  const own = { kind: "local", path: folder };
  const params = textsOf({ kind: "http", url }, own, { kind: "http", url });
  const { run } = await work();
  await expect(run(params, () => (version = 2))).rejects.toThrow("stopped");
  await expect(run(params)).rejects.toMatchObject({
    code: "SOURCE_CHANGED",
    message: expect.stringMatching(/x\.jsonl .*"v1".*"v2"/u) as string,
  });
  const { sources } = await run(params);
  expect(sources.filter(({ name }) => name === url).map(({ revision }) => revision)).toEqual([
    '"v2"',
    '"v2"',
  ]);
});
