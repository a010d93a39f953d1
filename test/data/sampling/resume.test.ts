import { readFile, rm, truncate, writeFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import { build } from "esbuild";
import { execa } from "execa";
import { expect, onTestFinished, test } from "vitest";
import { createRandom } from "../../../src/data/random.ts";
import { downloadSample, type DownloadSampleOptions } from "../../../src/data/sampling/download-sample.ts";
import { downloadSampleParams } from "../../../src/data/sampling/sample-params.ts";
import type { Hub } from "../sources/hub-server.ts";
import { temporaryDirectory } from "../sources/temporary-directory.ts";
import { serveHub } from "./industry-repository.ts";
import { sampleDirectoriesIn } from "./sample-directories-in.ts";
import { bytesOf, sampleDirectories } from "./sample-directories.ts";

const fixture = (name: string): Promise<Buffer> =>
  readFile(new URL(`../sources/fixtures/${name}`, import.meta.url));

const hub = async (): Promise<Hub> =>
  serveHub("team/set", {
    "news_media/chinese/high/rank_00001.parquet": await fixture("industry-zh.parquet"),
    "news_media/chinese/middle/rank_00001.parquet": await fixture("industry-zh-middle.parquet"),
    "news_media/english/high/rank_00001.parquet": await fixture("industry-en.parquet"),
    "sports/english/high/rank_00001.parquet": await fixture("industry-en-sports.parquet"),
    "chat/train-0.parquet": await fixture("smoltalk.parquet"),
    "prefs/train_prefs-0.parquet": await fixture("ultrafeedback.parquet"),
  });

const at = { kind: "huggingface", repository: "team/set", revision: "main" } as const;

/** Every kind of task: records and documents of the Hub, both languages, overflow and redistribution, one's own files. */
async function recipe(rowShare = 0.5) {
  const folder = await temporaryDirectory();
  const lines = Array.from({ length: 300 }, (_, i) => JSON.stringify({ text: `note ${i} is like ${i * i}` }));
  await writeFile(join(folder, "notes.jsonl"), lines.join("\n"));
  return downloadSampleParams.parse({
    seed: 5,
    heldOutFraction: 0.2,
    onShortfall: "report",
    filters: { minCharacters: 8, repetition: {}, nearDuplicates: { bands: 4 }, decontamination: {} },
    sources: [
      { kind: "local", path: folder, language: "en", category: "notes", characters: 2000 },
      {
        ...at,
        dataset: "industry-corpus-2",
        characters: { en: 2500, zh: 1500 },
        weights: { news_media: 2, sports: 1 },
        qualities: ["high", "middle"],
        rowShare,
      },
      { ...at, dataset: "smol-smoltalk", files: "chat/train-", conversations: 15 },
      { ...at, dataset: "ultrafeedback-binarized", files: "prefs/train_prefs-", preferences: 8 },
    ],
  });
}

const retry = { retries: 0, minTimeoutMs: 1 };

test("a sample that is aborted again and again ends with the bytes of an undisturbed one, and fetches nothing twice", async () => {
  const started = await hub();
  const params = await recipe(1); // whole row groups, so that none has a reason to be read again
  const whole = await sampleDirectories();
  const steps: number[] = [];
  const rest = {
    cacheDir: await temporaryDirectory(),
    workDirectory: join(await temporaryDirectory(), "work"),
    retry,
  };
  await downloadSample(params, { ...rest, outputs: whole, onCheckpoint: (step) => steps.push(step) });
  expect(steps.length).toBeGreaterThan(20);
  expect(steps).toEqual(steps.map((_, index) => index + 1));
  const expected = await bytesOf(whole);

  const random = createRandom("aborts");
  for (let round = 0; round < 6; round++) {
    const from = started.storage.requests.length;
    const outputs = await sampleDirectories();
    const workDirectory = join(await temporaryDirectory(), "work");
    let resumed = 0;
    for (let attempt = 0; ; attempt++) {
      const controller = new AbortController();
      // Between one row and the third checkpoint from here.
      const stopAt = attempt > 30 ? Infinity : 1 + random.nextInt(3);
      let seen = 0;
      const options: DownloadSampleOptions = {
        cacheDir: await temporaryDirectory(), // nothing but the work directory survives
        workDirectory,
        outputs,
        retry,
        signal: controller.signal,
        onNotice: (message) => {
          if (message.includes("going on")) resumed++;
        },
        onCheckpoint: () => {
          if (++seen === stopAt) controller.abort(new Error("stopped"));
        },
      };
      try {
        await downloadSample(params, options);
        break;
      } catch (error) {
        if (!controller.signal.aborted) throw error;
      }
    }
    expect(resumed).toBeGreaterThan(5);
    expect(await bytesOf(outputs)).toEqual(expected);
    const read = started.storage.requests
      .slice(from)
      .filter(({ range }) => !range.endsWith("-") && !isFooter(range))
      .map(({ url, range }) => `${url} ${range}`);
    expect(new Set(read).size).toBeGreaterThan(20);
    expect(read.filter((one, index) => read.indexOf(one) !== index)).toEqual([]);
  }
});

/** The client asks for a footer with the last 512 kB, which is the whole of these files. */
const isFooter = (range: string): boolean => range.startsWith("bytes=0-");

/** In the project's cache, where packages are found. */
async function compiledProcess(): Promise<string> {
  const outfile = resolve("cache", `sample-process-${process.pid}.mjs`);
  onTestFinished(() => rm(outfile, { force: true }));
  const entry = resolve(import.meta.dirname, "sample-process.ts");
  await build({
    entryPoints: [entry],
    outfile,
    bundle: true,
    packages: "external",
    platform: "node",
    format: "esm",
  });
  return outfile;
}

test("a process killed at random moments leaves what the next goes on from, to the same bytes", async () => {
  const started = await hub();
  const params = await recipe();
  const whole = await sampleDirectories();
  const rest = {
    cacheDir: await temporaryDirectory(),
    workDirectory: join(await temporaryDirectory(), "work"),
    retry,
  };
  await downloadSample(params, { ...rest, outputs: whole });
  const expected = await bytesOf(whole);

  const root = await temporaryDirectory();
  const paramsFile = join(root, "params.json");
  await writeFile(paramsFile, JSON.stringify(params));
  const random = createRandom("kills");
  const script = await compiledProcess();
  let killed = 0;
  let resumed = 0;
  for (let attempt = 0; ; attempt++) {
    const child = execa("node", [script, paramsFile, root], {
      env: { HF_ENDPOINT: started.server.url },
      reject: false,
      stdout: "pipe",
    });
    const checkpoints = attempt >= 5 ? Infinity : 1 + random.nextInt(8);
    const delayMs = random.nextInt(6);
    let seen = 0;
    for await (const line of child.iterable()) {
      if (line.includes("going on")) resumed++;
      if (line === "checkpoint" && ++seen === checkpoints) setTimeout(() => child.kill("SIGKILL"), delayMs); // in the midst of whatever comes next
    }
    const { signal, exitCode, stderr } = await child;
    if (signal === "SIGKILL") killed++;
    else {
      expect(exitCode, stderr).toBe(0);
      break;
    }
  }
  expect(killed).toBeGreaterThan(2);
  expect(resumed).toBeGreaterThan(2);
  expect(await bytesOf(sampleDirectoriesIn(join(root, "out")))).toEqual(expected);
});

test("a checkpoint of another recipe, and one whose files are gone or cut, is not gone on from", async () => {
  await hub();
  const params = await recipe();
  const workDirectory = join(await temporaryDirectory(), "work");
  const notices: string[] = [];
  const run = async (changed: Partial<typeof params>, abortAt = Infinity) => {
    const controller = new AbortController();
    const outputs = await sampleDirectories();
    let seen = 0;
    const done = downloadSample(
      { ...params, ...changed },
      {
        cacheDir: await temporaryDirectory(),
        workDirectory,
        outputs,
        retry,
        signal: controller.signal,
        onNotice: (message) => notices.push(message),
        onCheckpoint: () => {
          if (++seen === abortAt) controller.abort(new Error("stopped"));
        },
      },
    );
    if (abortAt < Infinity) await expect(done).rejects.toThrow("stopped");
    else await done;
    return outputs;
  };
  const expected = await bytesOf(await run({}));

  await rm(workDirectory, { recursive: true });
  await run({ seed: 6 }, 12);
  await run({}, 12);
  expect(notices).toEqual([]);
  await truncate(join(workDirectory, "corpus", "train.jsonl"), 10);
  expect(await bytesOf(await run({}))).toEqual(expected);
  expect(notices.join()).toMatch(/shorter than .* begins anew/u);
});
