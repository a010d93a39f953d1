/**
 * The expressions that cut text into the pieces across which BPE never merges, as tokenizer.json writes them. The
 * scanners that do the same without an expression are in split-pieces.ts.
 */

export interface SplitRule {
  readonly splitPattern: SplitPattern;
  /** Whether every digit is a piece of its own; the expression then runs on what is between digits. */
  readonly splitDigits: boolean;
}

/**
 * - `gpt2`: words with the blank before them, runs of digits (Radford et al., 2019; `r50k_base` of tiktoken).
 * - `gpt4`: any one character before a word joins it, digits by threes, line breaks join the signs before them
 *   (`cl100k_base` of tiktoken; Llama 3).
 * - `qwen2`: as `gpt4`, with digits one by one (Qwen 2 to 3).
 * - `han`: as `gpt4`, but a run of Chinese characters is a piece by itself: neither the comma before it nor Latin
 *   letters beside it become part of its tokens.
 */
export type SplitPattern = "gpt2" | "gpt4" | "qwen2" | "han";

export const splitPatterns = ["gpt2", "gpt4", "qwen2", "han"] as const satisfies readonly SplitPattern[];

/**
 * What `han` takes for Chinese characters, inclusive: the iteration mark, zero, and the unified ideographs of Unicode
 * 16 with their extensions A to I, without compatibility ideographs. Ranges, because `\p{Han}` depends on the version
 * of whoever reads it.
 */
export const hanRanges: readonly (readonly [first: number, last: number])[] = [
  [0x3005, 0x3005],
  [0x3007, 0x3007],
  [0x3400, 0x4dbf],
  [0x4e00, 0x9fff],
  [0x20000, 0x2a6df],
  [0x2a700, 0x2b739],
  [0x2b740, 0x2b81d],
  [0x2b820, 0x2cea1],
  [0x2ceb0, 0x2ebe0],
  [0x2ebf0, 0x2ee5d],
  [0x30000, 0x3134a],
  [0x31350, 0x323af],
];

const hanClass = hanRanges
  .map((range) => [...new Set(range)].map((code) => String.fromCodePoint(code)).join("-"))
  .join("");

const contractions = "(?i:'s|'t|'re|'ve|'m|'ll|'d)";
const signsAndSpaces = String.raw` ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+`;

/** As Hugging Face `tokenizers` reads it in a `Split` pre-tokenizer. */
export const splitExpressions: Readonly<Record<SplitPattern, string>> = {
  gpt2: String.raw`'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+`,
  gpt4: String.raw`${contractions}|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}|${signsAndSpaces}`,
  qwen2: String.raw`${contractions}|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}|${signsAndSpaces}`,
  han:
    String.raw`${contractions}|[${hanClass}]+|[^\r\n\p{L}\p{N}]?(?:(?![${hanClass}])\p{L})+` +
    String.raw`|(?:(?![${hanClass}])\p{N}){1,3}|${signsAndSpaces}`,
};

/** Other ways to write the same expressions, found in published files. */
const synonyms: ReadonlyMap<string, SplitPattern> = new Map([
  ...splitPatterns.map((name) => [splitExpressions[name], name] as const),
  [
    String.raw`'(?i:[sdmt]|ll|ve|re)|[^\r\n\p{L}\p{N}]?+\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]++[\r\n]*|\s*[\r\n]|\s+(?!\S)|\s+`,
    "gpt4",
  ],
  [String.raw`'(?:[sdmt]|ll|ve|re)| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+`, "gpt2"],
]);

/** The pattern that an expression stands for, or undefined for one that no scanner here does. */
export const patternOf = (expression: string): SplitPattern | undefined => synonyms.get(expression);
