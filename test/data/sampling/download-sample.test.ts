import { readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import type { z } from "zod";
import { assembleCorpora } from "../../../src/data/corpora/default-corpora.ts";
import { reserveKeys, type Fact } from "../../../src/data/corpora/fact.ts";
import {
  readConversations,
  readDocuments,
  readPreferences,
  readQuestions,
  validateDataset,
} from "../../../src/data/documents/dataset.ts";
import { normalizeText, splitOf } from "../../../src/data/documents/split.ts";
import { downloadSample } from "../../../src/data/sampling/download-sample.ts";
import { corporaSampler } from "../../../src/data/sampling/sample-npm-default.ts";
import { SampleTask } from "../../../src/data/sampling/sample-checkpoint.ts";
import { SampleOutputs, type SampleDirectories } from "../../../src/data/sampling/sample-outputs.ts";
import { downloadSampleParams, type DownloadSampleParams } from "../../../src/data/sampling/sample-params.ts";
import { sampleSources } from "../corpora/sample-source.ts";
import { temporaryDirectory } from "../sources/temporary-directory.ts";
import { serveHub } from "./industry-repository.ts";
import { sampleDirectories } from "./sample-directories.ts";

async function collect<T>(items: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = [];
  for await (const item of items) all.push(item);
  return all;
}

type Recipe = z.input<typeof downloadSampleParams>;

const recipe = (sources: Recipe["sources"], rest: Partial<Recipe> = {}): DownloadSampleParams =>
  downloadSampleParams.parse({ seed: 1, heldOutFraction: 0.2, onShortfall: "report", sources, ...rest });

async function run(params: DownloadSampleParams, outputs?: SampleDirectories) {
  const to = outputs ?? (await sampleDirectories());
  const manifests = await downloadSample(params, {
    cacheDir: await temporaryDirectory(),
    workDirectory: join(await temporaryDirectory(), "work"),
    outputs: to,
    retry: { retries: 1, minTimeoutMs: 1 },
  });
  return { manifests, outputs: to };
}

async function localFolder(): Promise<string> {
  const folder = await temporaryDirectory();
  const records = Array.from({ length: 400 }, (_, index) => ({ text: `文档第${index}号，内容各不相同。` }));
  await writeFile(join(folder, "a.jsonl"), records.map((one) => JSON.stringify(one)).join("\n"));
  // The same again, differing in white space only, and one broken text.
  await writeFile(
    join(folder, "b.jsonl"),
    records
      .slice(0, 50)
      .map((one) => JSON.stringify({ text: ` ${one.text}\n` }))
      .join("\n"),
  );
  await writeFile(join(folder, "c.txt"), Buffer.from([0xe4, 0xb8, 0xad, 0xff, 0x00]));
  return folder;
}

const local = (path: string, characters: number) =>
  ({ kind: "local", path, language: "zh", category: "notes", characters }) as const;

test("one's own folder becomes a corpus: sampled to its quota, deduplicated, split, and all accounted for", async () => {
  const { manifests, outputs } = await run(recipe([local(await localFolder(), 3000)]));
  const train = await collect(readDocuments(outputs.corpus, "train"));
  const heldOut = await collect(readDocuments(outputs.corpus, "heldout"));
  // Chinese is counted in characters, not in words between spaces.
  const characters = [...train, ...heldOut].reduce((sum, { text }) => sum + text.length, 0);
  expect(characters).toBeGreaterThanOrEqual(3000);
  expect(characters).toBeLessThan(3030);
  expect(manifests.corpus.strata).toMatchObject([
    { language: "zh", category: "notes", asked: 3000, got: { characters } },
  ]);
  expect(manifests.corpus.sources[0]?.files).toHaveLength(3);

  const normalized = [...train, ...heldOut].map(({ text }) => normalizeText(text));
  expect(new Set(normalized).size).toBe(normalized.length);
  expect(train.every(({ text }) => splitOf(text, 0.2) === "train")).toBe(true);
  expect(heldOut.every(({ text }) => splitOf(text, 0.2) === "heldout")).toBe(true);
  expect(heldOut.length).toBeGreaterThan(0);

  // Not a prefix: numbers from all over the file.
  const numbers = train.map(({ text }) => Number(/\d+/u.exec(text)?.[0] ?? 0));
  expect(Math.max(...numbers)).toBeGreaterThan(300);
  await validateDataset(outputs.corpus, "documents");
});

test("a quota beyond what the folder holds takes all of it, counts duplicates and repairs, and notes the shortfall", async () => {
  const folder = await localFolder();
  const { manifests } = await run(recipe([local(folder, 1_000_000)]));
  expect(manifests.corpus.dropped.duplicate?.records).toBe(50);
  expect(manifests.corpus.repaired).toEqual({ controlCharacters: 1, invalidUtf8: 1 });
  expect(manifests.corpus.notes.join()).toContain("of 1000000 asked");
  await expect(run(recipe([local(folder, 1_000_000)], { onShortfall: "fail" }))).rejects.toMatchObject({
    code: "SHORTFALL",
  });
});

test("a folder with no text in it, and a recipe that leaves nothing, are EMPTY_CORPUS", async () => {
  const folder = await temporaryDirectory();
  await writeFile(join(folder, "a.txt"), " \n\n");
  await expect(run(recipe([local(folder, 100)]))).rejects.toMatchObject({
    code: "EMPTY_CORPUS",
    kind: "user",
  });
  await expect(run(recipe([local(await localFolder(), 0)]))).rejects.toMatchObject({ code: "EMPTY_CORPUS" });
});

test("the same recipe gives the same bytes, over whatever an interrupted call left; another seed gives others", async () => {
  const folder = await localFolder();
  const one = await run(recipe([local(folder, 2000)]));
  const again = await run(recipe([local(folder, 2000)]), one.outputs);
  expect(again.manifests).toEqual(one.manifests);
  const other = await run(recipe([local(folder, 2000)], { seed: 2 }));
  expect(other.manifests.corpus.files[0]?.sha256).not.toBe(one.manifests.corpus.files[0]?.sha256);
});

const fixture = (name: string): Promise<Buffer> =>
  readFile(new URL(`../sources/fixtures/${name}`, import.meta.url));

async function hubRun(
  sources: Recipe["sources"],
  files: Readonly<Record<string, Uint8Array>>,
  rest: Partial<Recipe> = {},
) {
  const hub = await serveHub("team/set", files);
  return { hub, ...(await run(recipe(sources, rest))) };
}

const at = { kind: "huggingface", repository: "team/set", revision: "main" } as const;
const industry = { ...at, dataset: "industry-corpus-2" } as const;

async function industryFiles(): Promise<Record<string, Uint8Array>> {
  return {
    "README.md": Buffer.from("# set"),
    "news_media/chinese/high/rank_00001.parquet": await fixture("industry-zh.parquet"),
    "news_media/chinese/middle/rank_00001.parquet": await fixture("industry-zh-middle.parquet"),
    "news_media/english/high/rank_00001.parquet": await fixture("industry-en.parquet"),
    "sports/english/high/rank_00001.parquet": await fixture("industry-en-sports.parquet"),
    "mathematics_statistics/english/high/rank_00001.parquet": await fixture("industry-en-sports.parquet"),
  };
}

test("both languages are sampled to their quotas, by the declared weights, and a category of weight 0 gives nothing", async () => {
  const weights = { news_media: 3, sports: 1, mathematics_statistics: 0 };
  const { hub, manifests, outputs } = await hubRun(
    [{ ...industry, characters: { en: 1200, zh: 200 }, weights, qualities: ["high", "middle"] }],
    await industryFiles(),
  );
  const got = Object.fromEntries(
    manifests.corpus.strata
      .filter(({ quality }) => quality === "high")
      .map((one) => [`${one.language} ${one.category}`, one.got.characters]),
  );
  expect(got["en news_media"]).toBeGreaterThanOrEqual(900);
  expect(got["en news_media"]).toBeLessThan(960);
  expect(got["en sports"]).toBeGreaterThanOrEqual(300);
  expect(got["en sports"]).toBeLessThan(360);
  expect(got["zh news_media"]).toBeGreaterThanOrEqual(200);
  const mathematics = manifests.corpus.strata.filter(({ category }) => category === "mathematics_statistics");
  expect(mathematics.map(({ asked, got: { records } }) => [asked, records])).toEqual([
    [0, 0],
    [0, 0],
    [0, 0],
    [0, 0],
  ]);
  expect(
    hub.server.requests.some(({ url }) => url.includes("/resolve/") && url.includes("mathematics")),
  ).toBe(false);
  expect(manifests.corpus.sources).toMatchObject([{ name: "hf:team/set", revision: hub.commit }]);
  await validateDataset(outputs.corpus, "documents");
});

test("where the best quality is used up the next fills the quota, and not before", async () => {
  const qualities = ["high", "middle"] as const;
  const source = { ...industry, weights: { news_media: 1 }, qualities: [...qualities] };
  const files = await industryFiles();
  const little = await hubRun([{ ...source, characters: { en: 0, zh: 300 } }], files);
  const texts = async (outputs: SampleDirectories): Promise<string[]> =>
    (
      await Promise.all(
        (["train", "heldout"] as const).map((split) => collect(readDocuments(outputs.corpus, split))),
      )
    )
      .flat()
      .map(({ text }) => text);
  expect((await texts(little.outputs)).filter((text) => text.includes("middle"))).toEqual([]);
  const much = await hubRun([{ ...source, characters: { en: 0, zh: 1200 } }], files);
  const all = await texts(much.outputs);
  expect(all.filter((text) => text.includes("high"))).toHaveLength(40);
  expect(all.some((text) => text.includes("middle"))).toBe(true);
  const got = (quality: string) =>
    much.manifests.corpus.strata.find((one) => one.language === "zh" && one.quality === quality)?.got
      .characters;
  expect((got("high") ?? 0) + (got("middle") ?? 0)).toBeGreaterThanOrEqual(1200);
  expect(much.manifests.corpus.notes).toEqual([
    `zh news_media: high is used up after ${got("high")} characters; middle gave ${got("middle")} more`,
  ]);
});

test("what one category lacks is filled from the others, and what all lack is noted", async () => {
  const source = { ...industry, weights: { news_media: 1, sports: 1 }, qualities: ["high" as const] };
  const { manifests } = await hubRun([{ ...source, characters: { en: 0, zh: 600 } }], await industryFiles());
  expect(manifests.corpus.strata).toContainEqual(
    expect.objectContaining({
      language: "zh",
      category: "sports",
      asked: 300,
      got: { records: 0, characters: 0 },
    }),
  );
  const news = manifests.corpus.strata.find(
    ({ category, language }) => category === "news_media" && language === "zh",
  );
  expect(news?.got.characters).toBeGreaterThanOrEqual(600);
  const huge = await hubRun([{ ...source, characters: { en: 0, zh: 99_999 } }], await industryFiles());
  expect(huge.manifests.corpus.notes.join()).toContain("of 99999 asked");
});

test("a category that the repository does not have is an error that lists those it has", async () => {
  const source = {
    ...industry,
    characters: { en: 1, zh: 1 },
    weights: { news: 1 },
    qualities: ["high" as const],
  };
  await expect(hubRun([source], await industryFiles())).rejects.toMatchObject({
    code: "UNKNOWN_CATEGORY",
    kind: "user",
    hint: expect.stringContaining("news_media, sports") as string,
  });
});

test("conversations and preference pairs are drawn from their datasets, with every dropped row counted", async () => {
  const { manifests, outputs } = await hubRun(
    [
      local(await localFolder(), 1000),
      { ...at, dataset: "smol-smoltalk", files: "chat/train-", conversations: 100 },
      { ...at, dataset: "ultrafeedback-binarized", files: "prefs/train_prefs-", preferences: 100 },
    ],
    {
      "chat/train-0.parquet": await fixture("smoltalk.parquet"),
      "prefs/train_prefs-0.parquet": await fixture("ultrafeedback.parquet"),
    },
  );
  const conversations = await collect(readConversations(outputs.conversations));
  expect(conversations).toHaveLength(18);
  expect(conversations.every(({ messages }) => messages.at(-1)?.content.startsWith("Answer"))).toBe(true);
  expect(manifests.conversations.read.records).toBe(20);
  expect(manifests.conversations.notes.join()).toContain("18 of 100");
  const pairs = await collect(readPreferences(outputs.preferences));
  expect(pairs).toHaveLength(9);
  expect(pairs.every(({ chosen, rejected }) => chosen.startsWith("Good") && rejected.startsWith("Bad"))).toBe(
    true,
  );
  expect(manifests.preferences.dropped["chosen equals rejected"]?.records).toBe(1);
});

test("the npm corpora give text, conversations, pairs and questions, and no training text gives a question away", async () => {
  const outputs = await sampleDirectories();
  const isReserved = reserveKeys(3, 0.2);
  const corpora = await assembleCorpora(sampleSources(), isReserved);
  const writers = await SampleOutputs.create(await temporaryDirectory(), {
    heldOutFraction: 0.1,
    onShortfall: "report",
    filters: {},
  });
  const params = {
    kind: "npm-default" as const,
    characters: { en: 6000, zh: 6000 },
    weights: { en: { speech: 1, dictionary: 1 }, zh: { poetry: 2, technical: 1, saying: 1 } },
    conversations: 500,
    preferences: 300,
    questions: 80,
    reservedFraction: 0.2,
  };
  const open = () => Promise.resolve(corpora);
  const sampler = corporaSampler(params, 3, writers, open, isReserved, {});
  const nothing = () => Promise.resolve();
  const task = new SampleTask(
    { done: false, sources: [] },
    { pins: new Map(), keep: nothing, discard: nothing },
  );
  await sampler.records?.(task);
  await sampler.documents?.(task);
  const manifests = await writers.finish(3, [], outputs);
  expect(
    manifests.corpus.strata
      .filter(({ got }) => got.records > 0)
      .map(({ category }) => category)
      .sort(),
  ).toEqual(["dictionary", "poetry", "saying", "speech", "technical"]);
  for (const [directory, content] of [
    [outputs.corpus, "documents"],
    [outputs.conversations, "conversations"],
    [outputs.preferences, "preferences"],
    [outputs.questions, "questions"],
  ] as const) {
    await validateDataset(directory, content);
  }

  const conversations = await collect(readConversations(outputs.conversations));
  const preferences = await collect(readPreferences(outputs.preferences));
  const questions = await collect(readQuestions(outputs.questions));
  expect(conversations).toHaveLength(500);
  expect(preferences).toHaveLength(300);
  expect(questions).toHaveLength(80);
  expect(new Set(conversations.map(({ language }) => language))).toEqual(new Set(["en", "zh"]));

  // Every subject, quoted or not, that a prompt can name.
  const facts: Fact[] = [];
  for await (const item of corpora.items()) if ("fact" in item) facts.push(item.fact);
  const reserved = facts.filter((fact) => isReserved(fact.keys[0]) && !["api-field"].includes(fact.relation));
  const quoted = (text: string): string[] => [...text.matchAll(/“([^”]+)”/gu)].map((match) => match[1] ?? "");
  const named = new Set(
    [
      ...conversations.flatMap(({ messages }) => messages),
      ...preferences.flatMap(({ prompt }) => prompt),
    ].flatMap(({ content }) => quoted(content)),
  );
  expect(named.size).toBeGreaterThan(100);
  for (const fact of reserved.filter(({ relation }) =>
    ["definition", "chinese-to-english", "next-line", "saying"].includes(relation),
  )) {
    expect(named.has(fact.subject), fact.subject).toBe(false);
  }
  // And the questions are about reserved subjects only.
  const reservedSubjects = new Set(
    facts.filter((fact) => isReserved(fact.keys[0])).map(({ subject }) => subject),
  );
  for (const { prompt } of questions) {
    const content = prompt[0]?.content ?? "";
    expect(
      [...reservedSubjects].some((subject) => content.includes(subject)),
      content,
    ).toBe(true);
  }
  for (const { choices, answer } of questions) {
    expect(choices).toHaveLength(4);
    expect(new Set(choices).size).toBe(4);
    expect(answer).toBeLessThan(4);
  }
  // The true answer stands at every place.
  expect(new Set(questions.map(({ answer }) => answer))).toEqual(new Set([0, 1, 2, 3]));
});

test("a corpus category that is misspelt is an error that lists those there are", async () => {
  const params = {
    kind: "npm-default" as const,
    characters: { en: 1, zh: 1 },
    weights: { en: { speach: 1 }, zh: {} },
    conversations: 0,
    preferences: 0,
    questions: 0,
    reservedFraction: 0,
  };
  await expect(run(recipe([params]))).rejects.toMatchObject({
    code: "UNKNOWN_CATEGORY",
    hint: "Use speech, novel, dictionary.",
  });
});

test("a recipe with a misspelt or missing param is refused by its schema", () => {
  const good = { seed: 1, heldOutFraction: 0.1, onShortfall: "report", sources: [local("x", 1)] };
  expect(downloadSampleParams.safeParse(good).success).toBe(true);
  expect(downloadSampleParams.safeParse({ ...good, heldoutFraction: 0.1 }).success).toBe(false);
  expect(
    downloadSampleParams.safeParse({ ...good, sources: [{ ...local("x", 1), language: "fr" }] }).success,
  ).toBe(false);
  expect(downloadSampleParams.safeParse({ ...good, sources: [] }).success).toBe(false);
  expect(downloadSampleParams.safeParse({ ...good, sources: [{ kind: "ftp" }] }).success).toBe(false);
});

test("an interrupted sample leaves no manifest, so that no half dataset is taken for a whole one", async () => {
  const outputs = await sampleDirectories();
  const controller = new AbortController();
  controller.abort(new Error("stopped"));
  const folder = await temporaryDirectory();
  await writeFile(
    join(folder, "a.jsonl"),
    Array.from({ length: 3000 }, (_, i) => `{"text":"text ${i}"}`).join("\n"),
  );
  const options = {
    cacheDir: folder,
    workDirectory: join(folder, "work"),
    outputs,
    signal: controller.signal,
  };
  await expect(downloadSample(recipe([local(folder, 5000)]), options)).rejects.toThrow("stopped");
  await expect(readdir(outputs.corpus)).rejects.toMatchObject({ code: "ENOENT" });
});
