/**
 * Text from token ids one at a time, as generation shows it: a character whose bytes are split between tokens appears
 * with the last of them.
 */
import type { Encoder } from "./encoder.ts";

export interface DecodeStream {
  /** The text that this token completes; often empty in the middle of a character. */
  push(id: number): string;
  /** What an unfinished character at the end comes to (U+FFFD), or nothing. */
  end(): string;
}

/** Special tokens give their own text, or nothing with `skipSpecialTokens`. All texts together are `encoder.decode`'s. */
export function createDecodeStream(
  encoder: Encoder,
  { skipSpecialTokens = false }: { readonly skipSpecialTokens?: boolean } = {},
): DecodeStream {
  const decoder = new TextDecoder("utf-8", { ignoreBOM: true });
  return {
    push(id) {
      if (skipSpecialTokens && encoder.isSpecial(id)) return "";
      return decoder.decode(encoder.bytesOf(id), { stream: true });
    },
    end: () => decoder.decode(),
  };
}
