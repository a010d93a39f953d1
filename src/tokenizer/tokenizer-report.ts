/** What a tokenizer makes of text: how much one token says in each language, and its longest tokens. */
import { checkLossless } from "./check-lossless.ts";
import type { Encoder } from "./encoder.ts";
import { TokenBuffer } from "./token-buffer.ts";

export interface LanguageReport {
  readonly texts: number;
  /** Unicode code points. */
  readonly characters: number;
  readonly bytes: number;
  readonly tokens: number;
  readonly charactersPerToken: number;
  readonly bytesPerToken: number;
}

export interface TokenizerReport {
  readonly vocabSize: number;
  readonly languages: Readonly<Record<string, LanguageReport>>;
  /** Share of bytes that no token stands for. Always 0: a report of other tokens is not made. */
  readonly unknownRate: 0;
  /** By bytes, longest first. */
  readonly longestTokens: readonly { readonly id: number; readonly text: string; readonly bytes: number }[];
}

/** Throws TOKENIZER_LOSSY where the tokens of a text do not stand for all of its bytes. */
export async function createTokenizerReport(
  encoder: Encoder,
  documents: AsyncIterable<LabelledText> | Iterable<LabelledText>,
  { longestTokens = 30 }: { readonly longestTokens?: number } = {},
): Promise<TokenizerReport> {
  const languages = new Map<string, { texts: number; characters: number; bytes: number; tokens: number }>();
  const buffer = new TokenBuffer();
  for await (const { text, language } of documents) {
    const totals = languages.get(language) ?? { texts: 0, characters: 0, bytes: 0, tokens: 0 };
    languages.set(language, totals);
    buffer.clear();
    encoder.encodeInto(text, buffer);
    checkLossless(encoder, text, buffer.data, 0, buffer.length);
    totals.texts++;
    totals.characters += countCharacters(text);
    totals.bytes += Buffer.byteLength(text);
    totals.tokens += buffer.length;
  }
  const reports = [...languages].map(([language, totals]): [string, LanguageReport] => [
    language,
    {
      ...totals,
      charactersPerToken: totals.tokens === 0 ? 0 : totals.characters / totals.tokens,
      bytesPerToken: totals.tokens === 0 ? 0 : totals.bytes / totals.tokens,
    },
  ]);
  const ids = Array.from(encoder.tokenByteCounts, (bytes, id) => ({ id, bytes }));
  ids.sort((a, b) => b.bytes - a.bytes || a.id - b.id);
  return {
    vocabSize: encoder.vocabSize,
    languages: Object.fromEntries(reports),
    unknownRate: 0,
    longestTokens: ids
      .slice(0, longestTokens)
      .map(({ id, bytes }) => ({ id, text: encoder.decode([id]), bytes })),
  };
}

interface LabelledText {
  readonly text: string;
  readonly language: string;
}

function countCharacters(text: string): number {
  let count = 0;
  for (const _ of text) count++;
  return count;
}
