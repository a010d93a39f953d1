import { rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import fc from "fast-check";
import { expect, test } from "vitest";
import { contentDigest, normalizeText } from "../../../../src/data/documents/split.ts";
import { textUnits } from "../../../../src/data/documents/text-units.ts";
import {
  Decontamination,
  decontaminationParams,
} from "../../../../src/data/sampling/filters/decontamination.ts";
import { DocumentFilter } from "../../../../src/data/sampling/filters/document-filter.ts";
import { filterParams, type FilterParams } from "../../../../src/data/sampling/filters/filter-params.ts";
import { FlaggedTerms, loadFlaggedTerms } from "../../../../src/data/sampling/filters/flagged-terms.ts";
import { languageShare } from "../../../../src/data/sampling/filters/language-share.ts";
import {
  GrowingNgrams,
  repeatedParts,
  repetitionFault,
  repetitionParams,
} from "../../../../src/data/sampling/filters/repetition.ts";
import { urlShare } from "../../../../src/data/sampling/filters/url-share.ts";
import { temporaryDirectory } from "../../sources/temporary-directory.ts";
import type { PreferencePair, Question } from "../../../../src/data/records.ts";

const unitsOf = (text: string) => textUnits(normalizeText(text));

test("units are words where spaces stand between words, and single characters in Chinese", () => {
  const lengths = (text: string): number[] => [...unitsOf(text).lengths];
  expect(lengths("It's 3 o'clock, Grüße!")).toEqual([2, 1, 1, 1, 5, 5]);
  expect(lengths("床前明月光，疑是地上霜。")).toEqual(Array.from({ length: 10 }, () => 1));
  expect(lengths("用GPU训练𠮷")).toEqual([1, 3, 1, 1, 2]);
  expect(lengths(" \n—… ")).toEqual([]);
  const [first, second] = [unitsOf("the cat THE ｃａｔ"), unitsOf("the dog")];
  expect(first.hashes[0]).toBe(first.hashes[2]);
  expect(first.hashes[1]).toBe(first.hashes[3]); // compatibility forms
  expect(first.hashes[0]).toBe(second.hashes[0]);
  expect(first.hashes[1]).not.toBe(second.hashes[1]);
});

test("the share of a language is that of its script's letters among all letters", () => {
  expect(languageShare("Hello, 世界!", "en")).toBeCloseTo(5 / 7);
  expect(languageShare("Hello, 世界!", "zh")).toBeCloseTo(2 / 7);
  expect(languageShare("Привет, é", "en")).toBeCloseTo(1 / 7);
  expect(languageShare("𠮷野家", "zh")).toBe(1);
  expect(languageShare("12 + 34 = 46", "en")).toBe(0);
});

test("the share of web addresses is that of their characters", () => {
  expect(urlShare("see http://a.bc/d or www.e.fg now")).toBeCloseTo((13 + 8) / 33);
  expect(urlShare("参见https://a.bc/d，谢谢。")).toBeCloseTo(14 / 20);
  expect(urlShare("no address, no.dots")).toBe(0);
  expect(urlShare("")).toBe(0);
});

/** The rules of repetition.ts on strings: what the hashed form must agree with. */
function shares(words: readonly string[], n: number): { top: number; repeated: number } {
  const total = words.join("").length;
  const seen = new Map<string, number>();
  let top = 0;
  const covered = new Set<number>();
  for (let at = 0; at + n <= words.length; at++) {
    const gram = words.slice(at, at + n);
    const occurrence = (seen.get(gram.join(" ")) ?? 0) + 1;
    seen.set(gram.join(" "), occurrence);
    if (occurrence === 1) continue;
    top = Math.max(top, (gram.join("").length * occurrence) / total);
    for (let unit = at; unit < at + n; unit++) covered.add(unit);
  }
  const repeated = [...covered].reduce((sum, unit) => sum + (words[unit]?.length ?? 0), 0) / total;
  return { top: Math.min(1, top), repeated: total === 0 ? 0 : repeated };
}

test("shares of frequent and repeated n-grams are those counted on strings", () => {
  fc.assert(
    fc.property(
      fc.array(fc.constantFrom("a", "bb", "ccc", "dddd"), { maxLength: 60 }),
      fc.integer({ min: 1, max: 8 }),
      (words, n) => {
        const grams = new GrowingNgrams(unitsOf(words.join(" ")));
        grams.grow(n);
        const expected = shares(words, n);
        expect(grams.topShare()).toBeCloseTo(words.length === 0 ? 0 : expected.top, 10);
        expect(grams.repeatedShare()).toBeCloseTo(expected.repeated, 10);
      },
    ),
  );
});

test("lines and paragraphs that occurred before are counted, and their characters", () => {
  expect(repeatedParts(["a", "bbb", " a ", "", "bbb"])).toEqual({ parts: 0.5, characters: 0.5 });
  expect(repeatedParts(["", " "])).toEqual({ parts: 0, characters: 0 });
});

const prose =
  "Call me Ishmael. Some years ago, never mind how long precisely, having little or no money in my purse, and nothing " +
  "particular to interest me on shore, I thought I would sail about a little and see the watery part of the world.";
const chineseProse =
  "孔子曾经说过，学习并且时常温习，不也是很愉快的事情吗？有朋友从远方来，不也是很快乐的吗？别人不了解我，我却不恼怒，这难道不是君子的风度吗？";

test("ordinary prose breaks no rule of repetition; each kind of repetition breaks its own", () => {
  const limits = repetitionParams.parse({});
  const fault = (text: string, language: "en" | "zh" = "en") =>
    repetitionFault(text, unitsOf(text), language, limits);
  expect(fault(prose)).toBeUndefined();
  expect(fault(chineseProse, "zh")).toBeUndefined();
  expect(fault(`${prose}\n\n${prose}`)).toBe("repeated paragraphs");
  expect(fault(`${prose}\nread more\nread more\nread more\nthe end`)).toBe("repeated lines");
  expect(fault("buy now ".repeat(4) + prose.slice(0, 40))).toBe("frequent n-gram");
  expect(fault(`${prose} ${prose}`)).toBe("repeated n-grams");
  expect(fault(chineseProse + chineseProse, "zh")).toBe("repeated n-grams");
  expect(
    repetitionFault(prose + prose, unitsOf(prose + prose), "en", { ...limits, duplicateNgrams: [] }),
  ).toBe(undefined);
});

test("a document is judged by every filter that the recipe names, and by no other", () => {
  const spam = `Buy http://example.org/${"x".repeat(300)} 立即购买`;
  const document = { text: spam, language: "zh" } as const;
  const fault = (params: object): string | undefined => {
    const examined = new DocumentFilter(filterParams.parse(params)).examine(document);
    return "fault" in examined ? examined.fault : undefined;
  };
  expect(fault({})).toBeUndefined();
  expect(fault({ minCharacters: 1000 })).toBe("too short");
  expect(fault({ maxCharacters: 100 })).toBe("too long");
  expect(fault({ minLanguageShare: { zh: 0.5 } })).toBe("other language");
  expect(fault({ minLanguageShare: { en: 0.999 } })).toBeUndefined();
  expect(fault({ maxUrlShare: 0.2 })).toBe("web addresses");
  expect(filterParams.safeParse({ minCharacter: 3 }).success).toBe(false);
});

test("flagged words are those of the language's list, a term of several counts with all its words, each word once", () => {
  const units = (...terms: string[]) => terms.map((term) => unitsOf(term));
  const terms = new FlaggedTerms({ en: units("darn", "big fool", "fool me"), zh: units("坏蛋", "蛋糕") });
  const ratio = (text: string, language: "en" | "zh" = "en") => terms.ratio(unitsOf(text), language);
  expect(ratio("Darn! What a DARN day")).toBeCloseTo(2 / 5);
  expect(ratio("darned, a fool, big")).toBe(0);
  expect(ratio("a big fool me")).toBeCloseTo(3 / 4); // two terms share a word
  expect(ratio("一个坏蛋糕", "zh")).toBeCloseTo(3 / 5);
  expect(ratio("big fool", "zh")).toBe(0);
  expect(ratio("a big", "en")).toBe(0);
  expect(ratio("")).toBe(0);
});

test("lists of flagged terms are files of the recipe; more than the ratio is left out, and a line without a word refused", async () => {
  const folder = await temporaryDirectory();
  const en = join(folder, "en.txt");
  await writeFile(en, "# not to be kept\n\ndarn\r\n");
  const limits = (maxRatio: number) => filterParams.parse({ flagged: { en, maxRatio } });
  const fault = async (params: FilterParams, text: string, language: "en" | "zh" = "en") => {
    const flagged = params.flagged && (await loadFlaggedTerms(params.flagged));
    const examined = new DocumentFilter(params, { flagged }).examine({ text, language });
    return "fault" in examined ? examined.fault : undefined;
  };
  expect(await fault(limits(0.25), "one darn in four")).toBeUndefined();
  expect(await fault(limits(0.24), "one darn in four")).toBe("flagged words");
  expect(await fault(limits(0), "one darn in four")).toBe("flagged words");
  expect(await fault(limits(0), "not to be kept")).toBeUndefined();
  expect(await fault(limits(0), "darn", "zh")).toBeUndefined(); // no list for it
  await writeFile(en, "darn\n***\n");
  await expect(fault(limits(0), "x")).rejects.toMatchObject({
    code: "FLAGGED_TERM_EMPTY",
    message: expect.stringContaining("en.txt:2") as string,
  });
  await rm(en);
  await expect(fault(limits(0), "x")).rejects.toMatchObject({ code: "FILE_NOT_FOUND" });
});

test("what is kept carries the digest of its normalised text", () => {
  const examined = new DocumentFilter(filterParams.parse({ repetition: {} })).examine({
    text: prose,
    language: "en",
  });
  expect("digest" in examined && examined.digest).toEqual(contentDigest(prose));
});

const question = (prompt: string, choices: readonly string[], language: "en" | "zh" = "en"): Question => ({
  prompt: [{ role: "user", content: prompt }],
  choices,
  answer: 0,
  language,
  source: "test",
});

test("a text that shares 13 words with a question and its answer gives it away, whatever its case and punctuation", () => {
  const evaluation = new Decontamination(decontaminationParams.parse({}));
  const words = Array.from({ length: 30 }, (_, index) => `word${String.fromCharCode(97 + index)}x`);
  evaluation.addQuestion(
    question(words.slice(0, 20).join(" "), [words.slice(20).join(" "), "another answer"]),
  );
  const matches = (text: string, language: "en" | "zh" = "en") => evaluation.matches(unitsOf(text), language);
  expect(matches(`He wrote: ${words.slice(3, 16).join(", ").toUpperCase()}!`)).toBe(true);
  expect(matches(words.slice(3, 15).join(" "))).toBe(false); // 12 words
  expect(matches(words.slice(14, 27).join(" "))).toBe(true); // across prompt and answer
  expect(matches(words.toReversed().join(" "))).toBe(false);
  expect(matches(words.join(" "), "zh")).toBe(false); // evaluation text of the other language
});

test("in Chinese characters are counted; what is shorter is looked for whole, and too short a text not at all", () => {
  const evaluation = new Decontamination(decontaminationParams.parse({ characters: 10 }));
  evaluation.addQuestion(question("床前明月光", ["疑是"], "zh")); // 7 of 10 characters
  evaluation.addQuestion(question("水", ["火"], "zh"));
  expect([evaluation.texts, evaluation.tooShort]).toEqual([2, 1]);
  expect(evaluation.matches(unitsOf("李白：“床前明月光，疑是地上霜。”"), "zh")).toBe(true);
  expect(evaluation.matches(unitsOf("床前明月光"), "zh")).toBe(false);
  expect(evaluation.matches(unitsOf("水火无情"), "zh")).toBe(false);
});

test("held-out preference pairs count as evaluation text, answers included", () => {
  const evaluation = new Decontamination(decontaminationParams.parse({}));
  const pair: PreferencePair = {
    prompt: [{ role: "user", content: "Tell me." }],
    chosen: prose,
    rejected: "No.",
    language: "en",
    source: "test",
  };
  evaluation.addPreference(pair);
  const filter = new DocumentFilter(filterParams.parse({}), { evaluation });
  expect(filter.examine({ text: `As Melville says: ${prose.slice(17, 130)}`, language: "en" })).toEqual({
    fault: "evaluation text",
  });
});
