import { expect, test } from "vitest";
import { charactersIn, sampleDocuments } from "../../../src/data/documents/sample-documents.ts";
import type { Tally } from "../../../src/data/documents/manifest.ts";
import { createRandom } from "../../../src/data/random.ts";
import type { DataDocument, Language } from "../../../src/data/records.ts";
import { collect } from "../../../src/std/collect.ts";

/** 4,000 documents of 1 to 20 characters, every second one Chinese; the text begins with its number. */
const documents = Array.from({ length: 4000 }, (_, index): DataDocument => {
  const text = `${index} `.padEnd(6 + ((index >> 1) % 20), index % 2 === 0 ? "e" : "中");
  return { text, language: index % 2 === 0 ? "en" : "zh", source: "s", category: "c" };
});
const total = (language: string, from = documents) =>
  from.filter((one) => one.language === language).reduce((sum, { text }) => sum + text.length, 0);
const available = { en: total("en"), zh: total("zh") };

async function* stream() {
  for (const document of documents) yield await Promise.resolve(document);
}
async function sample(seed: number, characters: { en?: number; zh?: number }) {
  const taken = new Map<Language, Tally>();
  const options = { random: createRandom(seed), characters, available };
  return { taken, texts: await collect(sampleDocuments(stream(), options, taken)) };
}

test("a language gives about what is wanted of it and never more; one that is not named gives all", async () => {
  for (const seed of [1, 2, 3, 4, 5]) {
    const { texts, taken } = await sample(seed, { en: 5000 });
    expect(total("en", texts)).toBeLessThanOrEqual(5000);
    expect(total("en", texts)).toBeGreaterThan(4200);
    expect(total("zh", texts)).toBe(available.zh);
    expect(taken.get("en")).toEqual({
      records: texts.filter(({ language }) => language === "en").length,
      characters: total("en", texts),
    });
  }
});

test("it is drawn from the whole stream, and another seed draws others", async () => {
  const [one, again, other] = [
    await sample(1, { en: 5000, zh: 5000 }),
    await sample(1, { en: 5000, zh: 5000 }),
    await sample(2, { en: 5000, zh: 5000 }),
  ];
  expect(again.texts).toEqual(one.texts);
  expect(other.texts).not.toEqual(one.texts);
  // Of each quarter of the stream about a quarter, whatever the seed.
  for (const { texts } of [one, other])
    for (const quarter of [0, 1, 2, 3]) {
      const inside = texts.filter(({ text }) => Math.floor(Number.parseInt(text) / 1000) === quarter);
      expect(Math.abs(inside.length / texts.length - 0.25)).toBeLessThan(0.06);
    }
});

test("how much is wanted of one language moves nothing in the other", async () => {
  const chinese = async (en: number) =>
    (await sample(7, { en, zh: 3000 })).texts.filter(({ language }) => language === "zh");
  expect(await chinese(1000)).toEqual(await chinese(20_000));
});

test("more than there is means all", async () => {
  expect((await sample(1, { en: 1e9, zh: 1e9 })).texts).toEqual(documents);
});

test("what a file holds of a language is its part of the strata", () => {
  const got = (characters: number): Tally => ({ records: 1, characters });
  const file = (path: string, characters: number) => ({ path, records: 1, characters });
  const counts = {
    strata: [
      { language: "en", got: got(600) },
      { language: "en", got: got(200) },
      { language: "zh", got: got(200) },
    ] as const,
    files: [file("train.jsonl", 900), file("heldout.jsonl", 100)],
  };
  expect(charactersIn(counts, "train.jsonl")).toEqual({ en: 720, zh: 180 });
});
