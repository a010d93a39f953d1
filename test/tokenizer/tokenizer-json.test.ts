import * as huggingFaceTokenizers from "@huggingface/tokenizers";
import { Tokenizer as NativeTokenizer } from "tokenizers";
import { expect, test } from "vitest";
import { formatTokenizerJson, parseTokenizerJson } from "../../src/tokenizer/tokenizer-json.ts";
import { trainBpe } from "../../src/tokenizer/train-bpe.ts";
import { readCorpus, readGolden, readGoldenJson, specialTokens } from "./golden.ts";

const golden = readGolden("tokenizer-400.json");

/** The package's own declarations do not resolve under Node's module rules (imports without extensions). */
const { Tokenizer: JavaScriptTokenizer } = huggingFaceTokenizers as unknown as {
  Tokenizer: new (
    tokenizer: object,
    config: object,
  ) => { encode(text: string, options: { add_special_tokens: boolean }): { ids: number[] } };
};

test("a trained tokenizer is written as Hugging Face writes it", async () => {
  const model = await trainBpe(readCorpus(), {
    vocabSize: 400,
    minFrequency: 2,
    specialTokens,
    splitDigits: true,
  });
  expect(JSON.parse(formatTokenizerJson(model))).toEqual(JSON.parse(golden));
});

test("what is written is read back as it was", () => {
  const model = parseTokenizerJson(golden);
  expect(parseTokenizerJson(formatTokenizerJson(model))).toEqual(model);
  const withoutDigits = { ...model, splitDigits: false };
  expect(parseTokenizerJson(formatTokenizerJson(withoutDigits))).toEqual(withoutDigits);
});

test("both Hugging Face packages read what is written", async () => {
  const text = formatTokenizerJson(parseTokenizerJson(readGolden("tokenizer-800.json")));
  const native = NativeTokenizer.fromString(text);
  const javaScript = new JavaScriptTokenizer(JSON.parse(text) as object, {});
  const { cases } = readGoldenJson("cases.json") as { cases: { text: string; ids: number[] }[] };
  for (const { text: input, ids } of cases) {
    expect((await native.encode(input, null, { addSpecialTokens: false })).getIds()).toEqual(ids);
    if (input !== "") expect(javaScript.encode(input, { add_special_tokens: false }).ids).toEqual(ids);
  }
});

test("merges written as one string, as older versions did, are read", () => {
  const json = JSON.parse(golden) as { model: { merges: [string, string][] } };
  const old = {
    ...json,
    model: { ...json.model, merges: json.model.merges.map((merge) => merge.join(" ")) },
  };
  expect(parseTokenizerJson(JSON.stringify(old))).toEqual(parseTokenizerJson(golden));
});

interface Json {
  [key: string]: Json & (string | number | boolean | null);
}
test.each<[string, (json: Json) => void, RegExp]>([
  [
    "a WordPiece model",
    (json) => Object.assign(json, { model: { type: "WordPiece", vocab: {} } }),
    /model\.type/,
  ],
  ["a normalizer", (json) => Object.assign(json, { normalizer: { type: "NFC" } }), /normalizer/],
  [
    "another pre-tokenizer",
    (json) => Object.assign(json, { pre_tokenizer: { type: "Metaspace" } }),
    /pre_tokenizer/,
  ],
  ["dropout", (json) => Object.assign(json["model"] ?? {}, { dropout: 0.1 }), /model\.dropout/],
  ["ignore_merges", (json) => Object.assign(json["model"] ?? {}, { ignore_merges: true }), /ignore_merges/],
  ["byte fallback", (json) => Object.assign(json["model"] ?? {}, { byte_fallback: true }), /byte_fallback/],
  [
    "a repeated merge",
    (json) => Object.assign(json["model"] ?? {}, { merges: ["t h", "t h"] }),
    /not in the vocab|twice/,
  ],
  [
    "a merge of unknown tokens",
    (json) => Object.assign(json["model"] ?? {}, { merges: ["! nonsense"] }),
    /"nonsense"/,
  ],
  [
    "a gap between ids",
    (json) => Object.assign(json["model"]?.["vocab"] ?? {}, { zzz: 4000 }),
    /ids are not 0 to/,
  ],
  [
    "an id that is used twice",
    (json) => Object.assign(json["model"]?.["vocab"] ?? {}, { zzz: 399, zzzz: 399 }),
    /share|ids/,
  ],
  [
    "a token that is no bytes",
    (json) => Object.assign(json["model"]?.["vocab"] ?? {}, { "▁the": 400 }),
    /byte alphabet/,
  ],
  [
    "a post-processor that adds tokens",
    (json) => Object.assign(json, { post_processor: { type: "TemplateProcessing" } }),
    /post_processor/,
  ],
])("a tokenizer.json with %s is refused and says so", (_name, change, reason) => {
  const json = JSON.parse(golden) as Json;
  change(json);
  const parse = () => parseTokenizerJson(JSON.stringify(json));
  expect(parse).toThrow(reason);
  expect(parse).toThrow(expect.objectContaining({ code: "TOKENIZER_UNSUPPORTED" }));
});

test("a vocabulary without some byte is refused", () => {
  const json = JSON.parse(golden) as { model: { vocab: Record<string, number>; merges: unknown[] } };
  const vocab = Object.fromEntries(Object.entries(json.model.vocab).filter(([, id]) => id < 200));
  const without = { ...json, model: { ...json.model, vocab, merges: [] } };
  expect(() => parseTokenizerJson(JSON.stringify(without))).toThrow(/59 of the 256 bytes are no tokens/);
});

test("what is no JSON is refused", () => {
  expect(() => parseTokenizerJson("{")).toThrow(expect.objectContaining({ code: "TOKENIZER_UNSUPPORTED" }));
});
