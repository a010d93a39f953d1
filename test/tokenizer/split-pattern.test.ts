import { expect, test } from "vitest";
import { createEncoder } from "../../src/tokenizer/encoder.ts";
import { createHuggingFaceTokenizer } from "../../src/tokenizer/hugging-face-tokenizer.ts";
import { createPieceEnd } from "../../src/tokenizer/split-pieces.ts";
import { hanRanges, type SplitRule } from "../../src/tokenizer/split-pattern.ts";
import { characterClasses, letter, number } from "../../src/tokenizer/character-classes.ts";
import { formatTokenizerJson, parseTokenizerJson } from "../../src/tokenizer/tokenizer-json.ts";
import { trainBpe } from "../../src/tokenizer/train-bpe.ts";
import { readCorpus, readGoldenJson } from "./golden.ts";

interface GoldenPattern extends SplitRule {
  readonly minFrequency: number;
  readonly pre_tokenizer: object;
  readonly vocab: readonly string[];
  readonly merges: readonly string[];
  readonly cases: readonly { text: string; pieces: string[]; ids: number[] }[];
}
const { patterns } = readGoldenJson("split-patterns.json") as { patterns: readonly GoldenPattern[] };

function piecesOf(text: string, rule: SplitRule): string[] {
  const pieceEnd = createPieceEnd(rule);
  const pieces: string[] = [];
  for (let start = 0; start < text.length;) {
    const end = pieceEnd(text, start);
    pieces.push(text.slice(start, end));
    start = end;
  }
  return pieces;
}

test.each(patterns)("$splitPattern (digits split: $splitDigits) cuts text as Hugging Face does", (golden) => {
  for (const { text, pieces } of golden.cases) expect(piecesOf(text, golden)).toEqual(pieces);
});

test.each(patterns)(
  "$splitPattern (digits split: $splitDigits) is trained, written and read as there",
  async (golden) => {
    const { splitPattern, splitDigits, minFrequency } = golden;
    const model = await trainBpe(readCorpus(), {
      vocabSize: 460,
      minFrequency,
      specialTokens: ["<|endoftext|>"],
      splitPattern,
      splitDigits,
    });
    expect(model.tokens).toEqual(golden.vocab);
    expect(model.merges.map(([first, second]) => `${model.tokens[first]} ${model.tokens[second]}`)).toEqual(
      golden.merges,
    );
    const json = formatTokenizerJson(model);
    expect((JSON.parse(json) as { pre_tokenizer: object }).pre_tokenizer).toEqual(golden.pre_tokenizer);
    expect(parseTokenizerJson(json)).toEqual(model);
    const encoder = createEncoder(model);
    const javaScript = createHuggingFaceTokenizer(json);
    for (const { text, ids } of golden.cases) {
      expect([...encoder.encode(text)]).toEqual(ids);
      // Its cases of s are ASCII's, and it knows no empty text.
      if (text !== "" && !text.includes("ſ"))
        expect({ text, ids: javaScript.encode(text, { add_special_tokens: false }).ids }).toEqual({
          text,
          ids,
        });
    }
  },
);

test("what counts as a Chinese character is a letter, but for zero", () => {
  const codes = hanRanges.flatMap(([first, last]) =>
    Array.from({ length: last - first + 1 }, (_, index) => first + index),
  );
  expect(codes.filter((code) => characterClasses[code] !== letter)).toEqual([0x3007]);
  expect(characterClasses[0x3007]).toBe(number);
});
