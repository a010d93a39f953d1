/** The mix that configs/minilm.yaml declares, sampled from a repository of the real one's layout. */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import { parse } from "yaml";
import { readDocuments, validateDataset } from "../../../src/data/documents/dataset.ts";
import type { Manifest } from "../../../src/data/documents/manifest.ts";
import { downloadSample } from "../../../src/data/sampling/download-sample.ts";
import { downloadSampleParams, type IndustryParams } from "../../../src/data/sampling/sample-params.ts";
import { collect } from "../../../src/std/collect.ts";
import { temporaryDirectory } from "../sources/temporary-directory.ts";
import { industryFiles, serveHub } from "./industry-repository.ts";
import { sampleDirectories } from "./sample-directories.ts";

const FORBIDDEN = ["computer_programming_code", "biomedicine", "mathematics_statistics"];

interface Recipe {
  readonly downloadSample: { readonly sources: readonly object[] };
  readonly shard: { readonly mix: readonly object[]; readonly trainTokens?: number };
}
const recipe = async (name: string): Promise<Recipe> =>
  parse(await readFile(`configs/${name}.yaml`, "utf8")) as Recipe;

async function declared() {
  const params = downloadSampleParams.parse((await recipe("minilm")).downloadSample);
  for (const source of params.sources) {
    if (source.kind === "huggingface" && source.dataset === "industry-corpus-2")
      return { params, industry: source };
  }
  throw new Error("the recipe names no such source");
}

async function sample(
  characters: { en: number; zh: number },
  changed: Partial<IndustryParams> = {},
  onShortfall: "report" | "fail" = "report",
) {
  const { params, industry } = await declared();
  const hub = await serveHub(industry.repository, await industryFiles());
  const outputs = await sampleDirectories();
  const { corpus } = await downloadSample(
    {
      ...params,
      onShortfall,
      filters: {}, // sentences of a pattern are near-duplicates; the filters have tests of their own
      sources: [{ ...industry, revision: "main", characters, columns: { en: {}, zh: {} }, ...changed }],
    },
    {
      cacheDir: await temporaryDirectory(),
      workDirectory: join(await temporaryDirectory(), "work"),
      outputs,
      retry: { retries: 0, minTimeoutMs: 1 },
    },
  );
  return { hub, corpus, outputs, industry };
}

const got = ({ strata }: Manifest, language: string, category: string, quality?: string): number =>
  strata
    .filter((one) => one.language === language && one.category === category)
    .filter((one) => quality === undefined || one.quality === quality)
    .reduce((sum, one) => sum + one.got.characters, 0);

test("the recipe wants 5 + 5 billion tokens, half English, half Chinese, and neither code, biomedicine nor mathematics", async () => {
  const { industry } = await declared();
  // By the characters a token that the recipe states.
  expect(industry.characters.en / 4.2).toBe(5e9);
  expect(industry.characters.zh / 1.4).toBe(5e9);
  // As tokens when mixing: all of the scarcer language, and as much of the other.
  const { shard } = await recipe("minilm");
  expect(shard.mix).toEqual([
    { language: "en", weight: 1 },
    { language: "zh", weight: 1 },
  ]);
  expect(shard.trainTokens).toBeUndefined();
  for (const category of FORBIDDEN) expect(industry.weights[category]).toBe(0);
  for (const category of [
    "news_media",
    "literature_emotion",
    "subject_education_education",
    "sports",
    "game",
  ])
    expect(industry.weights[category]).toBeGreaterThan(0);
  expect(industry.qualities).toEqual(["high", "middle"]);
});

test("the variant with Chinese conversations has minilm's sources and one more", async () => {
  const [base, variant] = [await recipe("minilm"), await recipe("minilm-zh")];
  const added = variant.downloadSample.sources.filter(
    (source) => "kind" in source && source.kind === "modelscope",
  );
  expect(added).toMatchObject([{ dataset: "deepctrl", language: "zh" }]);
  expect(variant.downloadSample.sources.filter((source) => !added.includes(source))).toEqual(
    base.downloadSample.sources,
  );
  expect(
    downloadSampleParams.safeParse({ ...base.downloadSample, ...variant.downloadSample }).error,
  ).toBeUndefined();
});

test("every share is met within 1 %, middle fills in where high runs dry, and what is forbidden is never asked for", async () => {
  const characters = { en: 360_000, zh: 120_000 };
  const { hub, corpus, outputs, industry } = await sample(characters);
  await validateDataset(outputs.corpus, "documents");
  const weights = Object.values(industry.weights).reduce((sum, weight) => sum + weight, 0);
  for (const language of ["en", "zh"] as const) {
    for (const [category, weight] of Object.entries(industry.weights)) {
      const share = (characters[language] * weight) / weights;
      const kept = got(corpus, language, category);
      expect(kept, `${language} ${category}`).toBeGreaterThanOrEqual(share);
      expect(kept, `${language} ${category}`).toBeLessThanOrEqual(share * 1.01);
      const asked = corpus.strata
        .filter((one) => one.language === language && one.category === category)
        .reduce((sum, one) => sum + one.asked, 0);
      expect(asked).toBe(Math.round(share));
    }
  }
  expect(corpus.asked).toBe(480_000);

  // Chinese news is the one category whose best quality does not suffice.
  const [high, middle] = [got(corpus, "zh", "news_media", "high"), got(corpus, "zh", "news_media", "middle")];
  expect(middle).toBeGreaterThan(high);
  expect(corpus.notes).toEqual([
    `zh news_media: high is used up after ${high} characters; middle gave ${middle} more`,
  ]);
  const filledIn = corpus.strata.filter(
    ({ quality, got: { records } }) => quality === "middle" && records > 0,
  );
  expect(filledIn.map(({ language, category, asked }) => [language, category, asked])).toEqual([
    ["zh", "news_media", 0],
  ]);

  // The manifest lists what is forbidden, with nothing asked and nothing got; the server never heard of it.
  for (const category of FORBIDDEN) {
    const listed = corpus.strata.filter((one) => one.category === category);
    expect(listed).toHaveLength(4);
    for (const one of listed) expect(one).toMatchObject({ asked: 0, got: { records: 0 }, dropped: {} });
  }
  const requests = [...hub.server.requests, ...hub.storage.requests].map(({ url }) => url);
  expect(requests.some((url) => url.includes("/resolve/") && url.includes("news_media"))).toBe(true);
  const read = requests.filter((url) => url.includes(".parquet"));
  expect(read.filter((url) => [...FORBIDDEN, "mining", "/low/"].some((name) => url.includes(name)))).toEqual(
    [],
  );
  expect(corpus.sources[0]?.files?.every(({ path }) => read.some((url) => url.includes(path)))).toBe(true);
});

test("files are sorted from best to worst; a share of the rows of more groups is spread evenly over the rank", async () => {
  const { outputs } = await sample({ en: 60_000, zh: 0 }, { weights: { news_media: 1 }, rowShare: 0.05 });
  const texts = [
    ...(await collect(readDocuments(outputs.corpus, "train"))),
    ...(await collect(readDocuments(outputs.corpus, "heldout"))),
  ];
  const ranks = texts.map(({ text }) => Number(/high story (\d+)/u.exec(text)?.[1]));
  // A third of 2,600 rows, of which the better 1,820 are one row group and the others another.
  const share = ranks.length / 2600;
  expect(share).toBeLessThan(0.4);
  for (let tenth = 0; tenth < 10; tenth++) {
    const kept = ranks.filter((rank) => Math.floor(rank / 260) === tenth).length;
    expect(Math.abs(kept - 260 * share)).toBeLessThan(4 * Math.sqrt(260 * share * (1 - share)));
  }
});

test("without redistribution a category that is used up is short, and the shortfall is reported or fails", async () => {
  const short = { weights: { mining: 1, sports: 1 }, redistribute: false };
  const { corpus } = await sample({ en: 20_000, zh: 0 }, short);
  expect(got(corpus, "en", "sports")).toBeLessThan(10_100);
  const mining = got(corpus, "en", "mining");
  expect(mining).toBeLessThan(1000);
  expect(corpus.notes).toContain("en mining is used up: the source holds no more of it");
  expect(corpus.notes.join()).toMatch(/characters of en text from .*: \d+ of 20000 asked/u);
  await expect(sample({ en: 20_000, zh: 0 }, short, "fail")).rejects.toMatchObject({
    code: "SHORTFALL",
    message: expect.stringMatching(/of 20000 asked/u) as string,
  });
  const filled = await sample({ en: 20_000, zh: 0 }, { ...short, redistribute: true });
  expect(got(filled.corpus, "en", "sports")).toBeGreaterThanOrEqual(20_000 - mining);
});

test("limits on the dataset's own measures take what lies beyond them, by reason and stratum", async () => {
  const { corpus } = await sample(
    { en: 0, zh: 5000 },
    { weights: { sports: 1 }, columns: { en: {}, zh: { flagged_words_ratio: { max: 0.01 } } } },
  );
  const taken = corpus.dropped["limit of flagged_words_ratio"]?.records ?? 0;
  const read = corpus.read.records;
  // One row in ten is flagged.
  expect(Math.abs(taken - read / 10)).toBeLessThan(5 * Math.sqrt(read * 0.09));
  expect(
    corpus.strata.find(({ language, quality }) => language === "zh" && quality === "high")?.dropped,
  ).toEqual(corpus.dropped);
  await expect(
    sample(
      { en: 5000, zh: 0 },
      { weights: { sports: 1 }, columns: { en: { perplexity: { max: 5 } }, zh: {} } },
    ),
  ).rejects.toMatchObject({ code: "SCHEMA_MISMATCH" });
});
