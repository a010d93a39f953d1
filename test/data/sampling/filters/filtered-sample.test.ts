/** All filters in one sample: the manifest and its page tell what each of them took, and nothing is missing from the sum. */
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import { readDocuments } from "../../../../src/data/documents/dataset.ts";
import { createRandom } from "../../../../src/data/random.ts";
import { downloadSample } from "../../../../src/data/sampling/download-sample.ts";
import { downloadSampleParams } from "../../../../src/data/sampling/sample-params.ts";
import { datasetPage } from "../../../../src/report/dataset-page.ts";
import { collect } from "../../../../src/std/collect.ts";
import { temporaryDirectory } from "../../sources/temporary-directory.ts";
import { serveHub } from "../industry-repository.ts";
import { sampleDirectories } from "../sample-directories.ts";

const random = createRandom("filtered");
/** Words of letters that no other text of this test has. */
const prose = (words: number): string =>
  Array.from({ length: words }, () =>
    Array.from({ length: 7 }, () => String.fromCharCode(97 + random.nextInt(26))).join(""),
  ).join(" ");

const answer = prose(30);
const original = prose(60);
const paragraph = prose(20);
const twice = prose(40);
/** What is to be left out, by the reason that is to be given. */
const offenders: Readonly<Record<string, readonly string[]>> = {
  "too short": ["tiny"],
  "too long": [prose(600)],
  "other language": ["这一篇是中文，不是英文，应当排除在外，一共二十多个字。".repeat(2)],
  "web addresses": [`${prose(6)} https://example.org/${"a".repeat(80)}`],
  "repeated paragraphs": [`${paragraph}\n\n${paragraph}`],
  "repeated lines": [`${prose(30)}${"\nread more here".repeat(4)}`],
  "frequent n-gram": [`${"buy now ".repeat(6)}${prose(3)}`],
  "repeated n-grams": [`${twice} ${twice}`],
  "flagged words": [`${prose(8)} darn darn`],
  "evaluation text": [`${prose(10)} ${answer} ${prose(10)}`],
  duplicate: [original.toUpperCase(), ` ${original}\n`],
  "near-duplicate": [`${original} and more`],
};

test("each filter's reason has its records and characters in manifest and page, and they reconcile with what was read", async () => {
  const good = [original, ...Array.from({ length: 20 }, () => prose(40))];
  const folder = await temporaryDirectory();
  const lines = [...good, ...Object.values(offenders).flat()].map((text) => JSON.stringify({ text }));
  await writeFile(join(folder, "a.jsonl"), lines.join("\n"));
  const en = join(await temporaryDirectory(), "flagged.txt");
  await writeFile(en, "darn\n");
  const completion = (response: string, score: number) => ({
    response,
    overall_score: score,
    "fine-grained_score": 4,
  });
  const pair = { instruction: "Tell me.", completions: [completion(answer, 8), completion("No.", 2)] };
  await serveHub("team/set", { "pairs.jsonl": Buffer.from(JSON.stringify(pair)) });
  const outputs = await sampleDirectories();
  const { corpus } = await downloadSample(
    downloadSampleParams.parse({
      seed: 1,
      heldOutFraction: 0,
      onShortfall: "report",
      filters: {
        minCharacters: 20,
        maxCharacters: 3000,
        minLanguageShare: { en: 0.7 },
        maxUrlShare: 0.2,
        flagged: { en, maxRatio: 0.1 },
        repetition: {},
        decontamination: { heldOutPreferences: 1 },
        nearDuplicates: {},
      },
      sources: [
        { kind: "local", path: folder, language: "en", category: "notes", characters: 1_000_000 },
        {
          kind: "huggingface",
          repository: "team/set",
          revision: "main",
          dataset: "ultrafeedback",
          files: "pairs",
          preferences: 1,
        },
      ],
    }),
    {
      cacheDir: await temporaryDirectory(),
      workDirectory: join(await temporaryDirectory(), "work"),
      outputs,
      retry: { retries: 0, minTimeoutMs: 1 },
    },
  );
  const kept = await collect(readDocuments(outputs.corpus, "train"));
  // Of texts that are alike the one that comes first is kept.
  expect(new Set(kept.map(({ text }) => text))).toEqual(new Set(good));
  const expected = Object.entries(offenders).map(([reason, texts]) => {
    const characters = texts.reduce((sum, text) => sum + text.trim().length, 0);
    return [reason, { records: texts.length, characters }] as const;
  });
  expect(corpus.dropped).toEqual(Object.fromEntries(expected));
  expect(corpus.read.records).toBe(lines.length);
  const left = Object.values(corpus.dropped).reduce((sum, { records }) => sum + records, 0);
  expect(kept.length + left).toBe(lines.length);
  const page = datasetPage(corpus).split("\n");
  for (const [reason, { records }] of expected)
    expect(page.some((line) => line.startsWith(`| dropped: ${reason} | ${records} |`))).toBe(true);
});
