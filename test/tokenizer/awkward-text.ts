/** Text made of what pre-tokenizers trip over: contractions, runs of spaces, digits, all planes, lone surrogates. */
import fc from "fast-check";

export const awkwardText = fc
  .array(
    fc.oneof(
      fc.string({ unit: "binary" }),
      fc.string({ unit: "grapheme" }),
      // Signs, blanks and line breaks in runs, as few alternatives of a pattern decide between them.
      fc.string({
        unit: fc.constantFrom(" ", "\n", "\r", "\t", "\u00a0", "\u3000", "\u0085", "!", "，", "a", "中", "1"),
      }),
      fc.constantFrom(
        "\ufeff",
        "'",
        "'s",
        "'ll",
        "'RE",
        "'Ve",
        "'ſ",
        "1",
        "12345",
        "½",
        "二〇二六",
        "々",
        "豈",
      ),
      fc.constantFrom(
        "the river",
        "小河记得",
        "早晨的雾。",
        "𠮷",
        "𝟘",
        "\ud800",
        "\udc00x",
        "Ⅷ",
        "<|im_end|>",
        "\u{16ff4}",
      ),
    ),
    { maxLength: 12 },
  )
  .map((parts) => parts.join(""));

/** The text that its UTF-8 bytes spell: lone surrogates become U+FFFD. */
export const wellFormed = (text: string): string =>
  new TextDecoder("utf-8", { ignoreBOM: true }).decode(new TextEncoder().encode(text));
