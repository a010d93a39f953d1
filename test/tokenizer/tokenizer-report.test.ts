import { expect, test } from "vitest";
import { createEncoder, type Encoder } from "../../src/tokenizer/encoder.ts";
import type { TokenBuffer } from "../../src/tokenizer/token-buffer.ts";
import { parseTokenizerJson } from "../../src/tokenizer/tokenizer-json.ts";
import { createTokenizerReport } from "../../src/tokenizer/tokenizer-report.ts";
import { readGolden } from "./golden.ts";

const encoder = createEncoder(parseTokenizerJson(readGolden("tokenizer-800.json")));

test("the report counts texts, characters, bytes and tokens by language", async () => {
  const report = await createTokenizerReport(encoder, [
    { text: "小河记得早晨的雾。", language: "zh" },
    { text: "the the", language: "en" },
    { text: "🙂", language: "en" },
  ]);
  // 小河记得早晨的雾。 is four tokens in cases.json, nine characters of three bytes.
  expect(report.languages["zh"]).toEqual({
    texts: 1,
    characters: 9,
    bytes: 27,
    tokens: 4,
    charactersPerToken: 9 / 4,
    bytesPerToken: 27 / 4,
  });
  expect(report.languages["en"]).toMatchObject({ texts: 2, characters: 8, bytes: 11 });
  const [longest, next] = report.longestTokens;
  expect(longest?.bytes).toBe(Math.max(...encoder.tokenByteCounts));
  expect(Buffer.byteLength(longest?.text ?? "")).toBe(longest?.bytes);
  expect(next?.bytes).toBeLessThanOrEqual(longest?.bytes ?? 0);
});

test("tokens that lose a byte are no report, but an error", async () => {
  const lossy: Encoder = Object.create(encoder, {
    decode: { value: (ids: ArrayLike<number>) => encoder.decode(ids) },
    encodeInto: {
      value: (text: string, out: TokenBuffer) => {
        encoder.encodeInto(text.replaceAll("☃", ""), out);
      },
    },
  }) as Encoder;
  const report = (text: string) => createTokenizerReport(lossy, [{ text, language: "en" }]);
  expect(await report("winter")).toMatchObject({ unknownRate: 0 });
  await expect(report("winter ☃")).rejects.toMatchObject({
    code: "TOKENIZER_LOSSY",
    message: 'The tokens of a text stand for 7 of its 10 bytes: "winter ☃"',
  });
});
