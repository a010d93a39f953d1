/**
 * tokenizer.json of Hugging Face `tokenizers` (format 1.0): written for a byte-level BPE model, and read back with
 * every part checked that would change tokens. Anything that the encoder here does not do exactly is refused.
 */
import { z } from "zod";
import { PipelineError } from "../errors.ts";
import type { AddedToken, BpeModel } from "./bpe-model.ts";
import { byteCharacters, tokenBytes } from "./byte-alphabet.ts";
import { maxTokenId } from "./pair-queue.ts";
import { patternOf, type SplitRule, splitExpressions } from "./split-pattern.ts";

/** A tokenizer.json of a million tokens has less; more is refused before it is parsed. */
export const maxTokenizerJsonBytes = 256 * 2 ** 20;

const byteLevel = { type: "ByteLevel", add_prefix_space: false, trim_offsets: true, use_regex: true };

function formatPreTokenizer({ splitPattern, splitDigits }: SplitRule): object {
  const digits = { type: "Digits", individual_digits: true };
  const split = {
    type: "Split",
    pattern: { Regex: splitExpressions[splitPattern] },
    behavior: "Isolated",
    invert: false,
  };
  const steps = [
    ...(splitDigits ? [digits] : []),
    ...(splitPattern === "gpt2" ? [byteLevel] : [split, { ...byteLevel, use_regex: false }]),
  ];
  return steps.length === 1 ? byteLevel : { type: "Sequence", pretokenizers: steps };
}

/** The file's text; equal models give equal bytes. */
export function formatTokenizerJson(model: BpeModel): string {
  const json = {
    version: "1.0",
    truncation: null,
    padding: null,
    added_tokens: formatAddedTokens(model),
    normalizer: model.composed ? { type: "NFC" } : null,
    pre_tokenizer: formatPreTokenizer(model),
    post_processor: null,
    decoder: { ...byteLevel, add_prefix_space: true },
    model: {
      type: "BPE",
      dropout: null,
      unk_token: null,
      continuing_subword_prefix: null,
      end_of_word_suffix: null,
      fuse_unk: false,
      byte_fallback: false,
      ignore_merges: false,
      vocab: Object.fromEntries(model.tokens.map((token, id) => [token, id])),
      merges: model.merges.map(([first, second]) => [model.tokens[first], model.tokens[second]]),
    },
  };
  return `${JSON.stringify(json, null, 2)}\n`;
}

const formatAddedTokens = ({ specialTokens, textTokens }: BpeModel): object[] =>
  [
    ...specialTokens.map((token) => ({ ...token, special: true })),
    ...textTokens.map((token) => ({ ...token, special: false })),
  ]
    .sort((a, b) => a.id - b.id)
    .map(({ id, content, special }) => ({
      id,
      content,
      single_word: false,
      lstrip: false,
      rstrip: false,
      normalized: false,
      special,
    }));

const off = z.union([z.null(), z.literal("")]).optional();
const ByteLevel = z.object({
  type: z.literal("ByteLevel"),
  add_prefix_space: z.literal(false),
  use_regex: z.boolean().default(true),
});
const Digits = z.object({ type: z.literal("Digits"), individual_digits: z.literal(true) });
const Split = z.object({
  type: z.literal("Split"),
  pattern: z.object({ Regex: z.string() }),
  behavior: z.literal("Isolated"),
  invert: z.literal(false),
});
const Step = z.discriminatedUnion("type", [ByteLevel, Digits, Split]);
const Merge = z.union([
  z.tuple([z.string(), z.string()]),
  // Before version 0.20 a merge was one string; neither half can hold a space.
  z.stringFormat("merge", /^[^ ]+ [^ ]+$/).transform((merge) => merge.split(" ") as [string, string]),
]);
const TokenizerJson = z.object({
  version: z.literal("1.0"),
  truncation: z.null().optional(),
  padding: z.null().optional(),
  added_tokens: z.array(
    z.object({
      id: z.int().nonnegative(),
      content: z.string().min(1),
      single_word: z.literal(false),
      lstrip: z.literal(false),
      rstrip: z.literal(false),
      normalized: z.boolean().default(true),
      special: z.boolean(),
    }),
  ),
  normalizer: z.union([z.null(), z.object({ type: z.literal("NFC") })]).optional(),
  pre_tokenizer: z.discriminatedUnion("type", [
    ByteLevel,
    z.object({ type: z.literal("Sequence"), pretokenizers: z.array(Step).max(8) }),
  ]),
  // A ByteLevel post-processor moves offsets only, no tokens.
  post_processor: z.union([z.null(), z.object({ type: z.literal("ByteLevel") })]).optional(),
  decoder: z.object({ type: z.literal("ByteLevel") }),
  model: z.object({
    type: z.literal("BPE"),
    dropout: z.union([z.null(), z.literal(0)]).optional(),
    unk_token: z.string().nullish(), // never used: all 256 bytes are tokens
    continuing_subword_prefix: off,
    end_of_word_suffix: off,
    byte_fallback: z.literal(false).default(false),
    ignore_merges: z.literal(false).default(false),
    vocab: z.record(z.string(), z.int().nonnegative()),
    merges: z.array(Merge),
  }),
});

function unsupported(reasons: readonly string[], cause?: unknown): PipelineError {
  return new PipelineError({
    code: "TOKENIZER_UNSUPPORTED",
    kind: "user",
    message: `This tokenizer.json cannot be used: ${reasons.join("; ")}.`,
    hint: "Use a byte-level BPE tokenizer that splits text as GPT-2, GPT-4, SmolLM2 or Qwen do, or train one with the train-tokenizer stage.",
    cause,
  });
}

/** Reads a tokenizer.json. Throws TOKENIZER_UNSUPPORTED with every reason found. */
export function parseTokenizerJson(text: string): BpeModel {
  if (text.length > maxTokenizerJsonBytes) {
    throw unsupported([`it has ${text.length} characters, more than ${maxTokenizerJsonBytes}`]);
  }
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (error) {
    throw unsupported([error instanceof Error ? error.message : "it is not JSON"], error);
  }
  const parsed = TokenizerJson.safeParse(json);
  if (!parsed.success) throw unsupported(reasonsOf(parsed.error));
  const { model, added_tokens: added, normalizer, pre_tokenizer: preTokenizer } = parsed.data;
  const composed = typeof normalizer?.type === "string";
  const normalised = composed ? added.find(({ normalized }) => normalized) : undefined;
  if (normalised !== undefined)
    throw unsupported([`the added token ${normalised.content} is looked for in normalised text`]);
  const addedTokens = (wanted: boolean): AddedToken[] =>
    added.filter(({ special }) => special === wanted).map(({ id, content }) => ({ id, content }));
  const [specialTokens, textTokens] = [addedTokens(true), addedTokens(false)];
  const tokens = tokensById(model.vocab, [...specialTokens, ...textTokens]);
  const ids = new Map(tokens.map((token, id) => [token, id]));
  const idOf = (token: string): number => {
    const id = ids.get(token);
    if (id === undefined)
      throw unsupported([`a merge needs ${JSON.stringify(token)}, which is not in the vocabulary`]);
    return id;
  };
  const seen = new Set<string>();
  const merges = model.merges.map(([first, second]): [number, number, number] => {
    const pair = `${first} ${second}`;
    if (seen.has(pair)) throw unsupported([`the merge ${JSON.stringify(pair)} is listed twice`]);
    seen.add(pair);
    return [idOf(first), idOf(second), idOf(first + second)];
  });
  const steps = preTokenizer.type === "Sequence" ? preTokenizer.pretokenizers : [preTokenizer];
  return { tokens, merges, specialTokens, textTokens, composed, ...splitRuleOf(steps) };
}

/** [Digits], then GPT-2's expression inside of ByteLevel, or another one in Split before it. */
function splitRuleOf(steps: readonly z.infer<typeof Step>[]): SplitRule {
  const splitDigits = steps[0]?.type === "Digits";
  const [first, second, ...more] = splitDigits ? steps.slice(1) : steps;
  if (first?.type === "ByteLevel" && first.use_regex && second === undefined)
    return { splitPattern: "gpt2", splitDigits };
  const known = first?.type === "Split" && second?.type === "ByteLevel" && !second.use_regex;
  if (!known || more.length > 0) {
    const names = steps.map((step) =>
      step.type === "ByteLevel" ? `ByteLevel(use_regex=${step.use_regex})` : step.type,
    );
    throw unsupported([`its pre-tokenizer is ${names.join(", ")}, not [Digits], [Split], ByteLevel`]);
  }
  const splitPattern = patternOf(first.pattern.Regex);
  if (splitPattern === undefined)
    throw unsupported([
      `it splits text by ${JSON.stringify(first.pattern.Regex.slice(0, 400))}, which is not known here`,
    ]);
  return { splitPattern, splitDigits };
}

function reasonsOf(error: z.ZodError): string[] {
  const reasons = error.issues.slice(0, 8).map((issue) => `${issue.path.join(".")}: ${issue.message}`);
  const left = error.issues.length - reasons.length;
  return left > 0 ? [...reasons, `and ${left} more`] : reasons;
}

/** Token by id; refuses gaps, two tokens with one id, missing bytes and tokens that are no bytes. */
function tokensById(vocab: Readonly<Record<string, number>>, addedTokens: readonly AddedToken[]): string[] {
  const special = new Set(addedTokens.map(({ content }) => content));
  const all = new Map(Object.entries(vocab));
  for (const { id, content } of addedTokens) {
    if ((all.get(content) ?? id) !== id) throw unsupported([`the added token ${content} has two ids`]);
    all.set(content, id);
  }
  if (all.size > maxTokenId) throw unsupported([`it has ${all.size} tokens, more than ${maxTokenId}`]);
  const tokens = new Array<string | undefined>(all.size);
  for (const [token, id] of all) {
    if (id >= tokens.length) throw unsupported([`ids are not 0 to ${tokens.length - 1}: ${token} has ${id}`]);
    if (tokens[id] !== undefined) throw unsupported([`${token} and ${tokens[id]} share the id ${id}`]);
    if (!special.has(token) && tokenBytes(token) === undefined) {
      throw unsupported([`the token ${JSON.stringify(token)} is not written in the byte alphabet`]);
    }
    tokens[id] = token;
  }
  const missing = byteCharacters.filter((character) => !all.has(character) || special.has(character));
  if (missing.length > 0) throw unsupported([`${missing.length} of the 256 bytes are no tokens`]);
  return tokens.filter((token) => token !== undefined);
}
