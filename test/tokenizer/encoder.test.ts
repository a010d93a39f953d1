import fc from "fast-check";
import { Tokenizer } from "tokenizers";
import { expect, test } from "vitest";
import { createDecodeStream } from "../../src/tokenizer/decode-stream.ts";
import { createEncoder } from "../../src/tokenizer/encoder.ts";
import { TokenBuffer } from "../../src/tokenizer/token-buffer.ts";
import { formatTokenizerJson, parseTokenizerJson } from "../../src/tokenizer/tokenizer-json.ts";
import { splitPatterns } from "../../src/tokenizer/split-pattern.ts";
import { awkwardText, wellFormed } from "./awkward-text.ts";
import { readCorpus, readGolden, readGoldenJson } from "./golden.ts";

const model = parseTokenizerJson(readGolden("tokenizer-800.json"));
const encoder = createEncoder(model);
const golden = readGoldenJson("cases.json") as { cases: { text: string; ids: number[]; decoded: string }[] };

test.each(golden.cases)("golden case $text has Hugging Face's ids and text", ({ text, ids, decoded }) => {
  expect([...encoder.encode(text, { parseSpecialTokens: true })]).toEqual(ids);
  expect(encoder.decode(ids)).toBe(decoded);
});

test.each(
  splitPatterns.flatMap((splitPattern) =>
    [true, false].map((splitDigits) => ({ splitPattern, splitDigits })),
  ),
)(
  "any text has the ids of the native tokenizers package ($splitPattern, split digits: $splitDigits)",
  async (rule) => {
    const variant = { ...model, ...rule };
    const ours = createEncoder(variant);
    const native = Tokenizer.fromString(formatTokenizerJson(variant));
    await fc.assert(
      fc.asyncProperty(awkwardText, async (text) => {
        const ids = ours.encode(text, { parseSpecialTokens: true });
        const expected = await native.encode(wellFormed(text), null, { addSpecialTokens: false });
        expect([...ids]).toEqual(expected.getIds());
        expect(ours.decode(ids)).toBe(wellFormed(text));
      }),
      { numRuns: 1000 },
    );
  },
);

test("decoding any ids gives the text of the native tokenizers package", async () => {
  const native = Tokenizer.fromString(readGolden("tokenizer-800.json"));
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.nat({ max: 799 }), { maxLength: 20 }),
      fc.boolean(),
      async (ids, skipSpecialTokens) => {
        expect(encoder.decode(ids, { skipSpecialTokens })).toBe(await native.decode(ids, skipSpecialTokens));
      },
    ),
    { numRuns: 500 },
  );
});

test("special tokens written in a document stay ordinary text", () => {
  const text = "a<|im_end|>b<|endoftext|>";
  const ids = encoder.encode(text);
  expect([...ids].filter((id) => encoder.isSpecial(id))).toEqual([]);
  expect(encoder.decode(ids)).toBe(text);
  const parsed = encoder.encode(text, { parseSpecialTokens: true });
  expect([...parsed].filter((id) => encoder.isSpecial(id))).toEqual([2, 0]);
});

test("the bytes of the tokens of a text add up to the bytes of the text", () => {
  fc.assert(
    fc.property(awkwardText, (text) => {
      const bytes = [...encoder.encode(text)].reduce(
        (sum, id) => sum + (encoder.tokenByteCounts[id] ?? 0),
        0,
      );
      expect(bytes).toBe(Buffer.byteLength(wellFormed(text)));
    }),
  );
  expect([0, 1, 2].map((id) => encoder.tokenByteCounts[id])).toEqual([0, 0, 0]);
});

test("encoding into a buffer appends, whatever the cache holds", () => {
  const texts = readCorpus();
  const fresh = texts.flatMap((text) => [...createEncoder(model).encode(text)].concat(0));
  const buffer = new TokenBuffer();
  for (const text of texts) {
    encoder.encodeInto(text, buffer);
    buffer.push(0);
  }
  expect([...buffer.slice()]).toEqual(fresh);
});

test("text of more words than the cache holds, read again and again, has the ids of the native tokenizers package", async () => {
  const native = Tokenizer.fromString(readGolden("tokenizer-800.json"));
  const letters = "etaoinshrdlucmfwypvbgkqj";
  const word = (n: number): string => (n < 24 ? "" : word(Math.floor(n / 24))) + (letters[n % 24] ?? "");
  // Twice the words that are cached before the cache starts anew.
  const text = Array.from({ length: 2 ** 18 }, (_, n) => word(n)).join(" ");
  const expected = (await native.encode(text, null, { addSpecialTokens: false })).getIds();
  const ours = createEncoder(model);
  for (let reading = 0; reading < 3; reading++)
    expect(Buffer.from(ours.encode(text).buffer).equals(Buffer.from(Uint32Array.from(expected).buffer))).toBe(
      true,
    );
});

test("long pieces have the ids of the native tokenizers package", async () => {
  const native = Tokenizer.fromString(readGolden("tokenizer-800.json"));
  const words = ["小河记得早晨的雾", "themorningfog", "aaaa", "一个小模型测量", "é"];
  await fc.assert(
    fc.asyncProperty(fc.array(fc.constantFrom(...words), { minLength: 20, maxLength: 60 }), async (parts) => {
      const text = parts.join("");
      const expected = await native.encode(text, null, { addSpecialTokens: false });
      expect([...encoder.encode(text)]).toEqual(expected.getIds());
    }),
    { numRuns: 50 },
  );
});

test("a piece of a million letters is encoded in reasonable time", () => {
  const text = "themorningfog".repeat(80_000);
  expect(encoder.decode(encoder.encode(text))).toBe(text);
});

test("streamed tokens give the text of decoding them together, never half a character", () => {
  fc.assert(
    fc.property(awkwardText, (text) => {
      const ids = encoder.encode(text);
      const stream = createDecodeStream(encoder);
      const parts = [...ids].map((id) => stream.push(id));
      expect(parts.join("") + stream.end()).toBe(encoder.decode(ids));
      expect(text.includes("\ufffd") || wellFormed(text) !== text || !parts.join("").includes("\ufffd")).toBe(
        true,
      );
    }),
  );
  const stream = createDecodeStream(encoder, { skipSpecialTokens: true });
  expect(stream.push(2)).toBe("");
  const [first = 0] = encoder.encode("𠮷");
  expect(stream.push(first)).toBe("");
  expect(stream.end()).toBe("\ufffd");
});

test("ids and special tokens that do not exist are refused", () => {
  expect(() => encoder.decode([800])).toThrow(/no token 800 among the 800/);
  expect(() => encoder.specialTokenId("<|pad|>")).toThrow(
    /no special token <\|pad\|>; it has <\|endoftext\|>/,
  );
});
