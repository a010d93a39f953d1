import fc from "fast-check";
import { Tokenizer as NativeTokenizer } from "tokenizers";
import { expect, test } from "vitest";
import { addSpecialTokens } from "../../src/tokenizer/add-special-tokens.ts";
import { createEncoder } from "../../src/tokenizer/encoder.ts";
import { createHuggingFaceTokenizer } from "../../src/tokenizer/hugging-face-tokenizer.ts";
import { formatTokenizerJson, parseTokenizerJson } from "../../src/tokenizer/tokenizer-json.ts";
import { trainBpe } from "../../src/tokenizer/train-bpe.ts";
import { awkwardText, wellFormed } from "./awkward-text.ts";
import { readCorpus, readGolden, readGoldenJson, specialTokens } from "./golden.ts";

const golden = readGolden("tokenizer-400.json");

test("a trained tokenizer is written as Hugging Face writes it", async () => {
  const model = await trainBpe(readCorpus(), {
    vocabSize: 400,
    minFrequency: 2,
    specialTokens,
    splitPattern: "gpt2",
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
  const javaScript = createHuggingFaceTokenizer(text);
  const { cases } = readGoldenJson("cases.json") as { cases: { text: string; ids: number[] }[] };
  for (const { text: input, ids } of cases) {
    expect((await native.encode(input, null, { addSpecialTokens: false })).getIds()).toEqual(ids);
    if (input !== "") expect(javaScript.encode(input, { add_special_tokens: false }).ids).toEqual(ids);
  }
});

test("added tokens that are text are found wherever they are written, in composed text", async () => {
  const json = JSON.parse(readGolden("tokenizer-800.json")) as { added_tokens: object[] };
  const think = { id: 800, content: "<think>", single_word: false, lstrip: false, rstrip: false };
  const text = JSON.stringify({
    ...json,
    normalizer: { type: "NFC" },
    added_tokens: [...json.added_tokens, { ...think, normalized: false, special: false }],
  });
  const model = parseTokenizerJson(text);
  expect(parseTokenizerJson(formatTokenizerJson(model))).toEqual(model);
  const encoder = createEncoder(model);
  const native = NativeTokenizer.fromString(text);
  await fc.assert(
    fc.asyncProperty(
      awkwardText,
      fc.constantFrom("<think>", "e\u0301", "<|im_end|>", "\u1100\u1161"),
      async (before, after) => {
        const input = wellFormed(before + after + before);
        const expected = await native.encode(input, null, { addSpecialTokens: false });
        expect([...encoder.encode(input, { parseSpecialTokens: true })]).toEqual(expected.getIds());
      },
    ),
    { numRuns: 300 },
  );
  const plain = encoder.encode("a<think>b<|im_end|>");
  expect([...plain].filter((id) => id === 800)).toHaveLength(1);
  expect([...plain].filter((id) => encoder.isSpecial(id))).toEqual([]);
  expect(encoder.tokenByteCounts[800]).toBe(7);
});

test("merges written as one string, as older versions did, are read", () => {
  const json = JSON.parse(golden) as { model: { merges: [string, string][] } };
  const old = {
    ...json,
    model: { ...json.model, merges: json.model.merges.map((merge) => merge.join(" ")) },
  };
  expect(parseTokenizerJson(JSON.stringify(old))).toEqual(parseTokenizerJson(golden));
});

const sequence = (...pretokenizers: object[]) => ({ type: "Sequence", pretokenizers });
const byteLevel = (use_regex: boolean) => ({ type: "ByteLevel", add_prefix_space: false, use_regex });
const splitBy = (Regex: string) => ({
  type: "Split",
  pattern: { Regex },
  behavior: "Isolated",
  invert: false,
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
  ["another normalizer", (json) => Object.assign(json, { normalizer: { type: "NFKC" } }), /normalizer/],
  [
    "an unknown expression to split by",
    (json) => Object.assign(json, { pre_tokenizer: sequence(splitBy("\\w+"), byteLevel(false)) }),
    /splits text by "\\\\w\+"/,
  ],
  [
    "pre-tokenizers in another order",
    (json) =>
      Object.assign(json, {
        pre_tokenizer: sequence(byteLevel(true), { type: "Digits", individual_digits: true }),
      }),
    /its pre-tokenizer is ByteLevel\(use_regex=true\), Digits/,
  ],
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

/** The golden tokenizer without all tokens that hold one of these characters of the byte alphabet. */
const withoutBytes = (...characters: readonly string[]): string => {
  const json = JSON.parse(golden) as { model: { vocab: Record<string, number>; merges: [string, string][] } };
  const { vocab, merges } = json.model;
  const byId = Object.keys(vocab).sort((a, b) => (vocab[a] ?? 0) - (vocab[b] ?? 0));
  const kept = byId.filter((token) => !characters.some((one) => token.includes(one)));
  const ids = Object.fromEntries(kept.map((token, id) => [token, id]));
  const remaining = merges.filter(
    ([first, second]) => first in ids && second in ids && first + second in ids,
  );
  return JSON.stringify({ ...json, model: { ...json.model, vocab: ids, merges: remaining } });
};

test("a vocabulary without a byte of text is refused, as text could be unknown to it", () => {
  // In the byte alphabet ñ is 0xf1, which begins characters from U+40000 on, and Ĕ is the control character 0x14.
  expect(() => parseTokenizerJson(withoutBytes("ñ", "Ĕ"))).toThrow(
    /2 bytes of text are no tokens, so that it is unknown: "0x14", "0xf1"$/m,
  );
});

test("bytes that no UTF-8 has may be missing: any text has the ids of the native tokenizers package", async () => {
  const text = withoutBytes(...Array.from("ÀÁõö÷øùúûüýþÿ"));
  const encoder = createEncoder(parseTokenizerJson(text));
  const native = NativeTokenizer.fromString(text);
  await fc.assert(
    fc.asyncProperty(awkwardText, async (input) => {
      const expected = await native.encode(wellFormed(input), null, { addSpecialTokens: false });
      expect([...encoder.encode(input, { parseSpecialTokens: true })]).toEqual(expected.getIds());
    }),
    { numRuns: 200 },
  );
});

test("everything that differs is told at once", () => {
  const json = JSON.parse(golden) as Json;
  Object.assign(json, {
    normalizer: { type: "Lowercase" },
    pre_tokenizer: { type: "Metaspace" },
    post_processor: { type: "TemplateProcessing" },
  });
  Object.assign(json["model"] ?? {}, { byte_fallback: true, dropout: 0.1 });
  const parse = () => parseTokenizerJson(JSON.stringify(json), { specialTokens: ["<|im_end|>", "<|pad|>"] });
  expect(parse).toThrow(
    expect.objectContaining({
      message: [
        "This tokenizer.json cannot be used:",
        "- normalizer is Lowercase, not null or NFC",
        "- pre_tokenizer is Metaspace, not [Digits], [Split], ByteLevel",
        "- post_processor is TemplateProcessing, not null or ByteLevel",
        "- model.dropout: Invalid input",
        "- model.byte_fallback: Invalid input: expected false",
        "- it has no special token <|pad|>",
      ].join("\n"),
    }),
  );
});

test("special tokens that are wanted must be there, and be special", () => {
  const json = JSON.parse(golden) as { added_tokens: { content: string; special: boolean }[] };
  expect(() => parseTokenizerJson(golden, { specialTokens })).not.toThrow();
  expect(() => parseTokenizerJson(golden, { specialTokens: ["<|pad|>"] })).toThrow(
    /it has no special token <\|pad\|>/,
  );
  for (const token of json.added_tokens) token.special = token.content !== "<|im_end|>";
  expect(() => parseTokenizerJson(JSON.stringify(json), { specialTokens })).toThrow(
    /<\|im_end\|> is text to it, no special token/,
  );
});

test("special tokens that a file lacks can be added, with the ids and the text that Hugging Face's own library gives", async () => {
  const json = JSON.parse(golden) as Json & {
    added_tokens: { content: string }[];
    model: { vocab: Record<string, number> };
  };
  // Without the last of its three, whose id the others and the text do not use.
  const { vocab } = json.model;
  const lacking = {
    ...json,
    added_tokens: json.added_tokens.filter(({ content }) => content === "<|endoftext|>"),
    model: {
      ...json.model,
      vocab: Object.fromEntries(
        Object.entries(vocab).flatMap(([token, id]) =>
          ["<|im_start|>", "<|im_end|>"].includes(token) ? [] : [[token, id < 3 ? id : id - 2] as const],
        ),
      ),
    },
  };
  const text = JSON.stringify(lacking);
  expect(() => parseTokenizerJson(text, { specialTokens })).toThrow(/no special token <\|im_end\|>/);
  const model = parseTokenizerJson(addSpecialTokens(text, specialTokens), { specialTokens });
  const native = NativeTokenizer.fromString(text);
  native.addSpecialTokens([...specialTokens]);
  expect(model.tokens.slice(-2)).toEqual(["<|im_start|>", "<|im_end|>"]);
  const encoder = createEncoder(model);
  for (const input of ["<|im_start|>user\nHi<|im_end|>\n<|endoftext|>", ...readCorpus()]) {
    const expected = await native.encode(input, null, { addSpecialTokens: false });
    expect([...encoder.encode(input, { parseSpecialTokens: true })]).toEqual(expected.getIds());
  }
  expect(addSpecialTokens(golden, specialTokens)).toBe(golden); // it lacks none
  for (const other of ["{", "[]", '{"model":{}}']) expect(addSpecialTokens(other, specialTokens)).toBe(other);
});

test("what is no JSON is refused", () => {
  expect(() => parseTokenizerJson("{")).toThrow(expect.objectContaining({ code: "TOKENIZER_UNSUPPORTED" }));
});
