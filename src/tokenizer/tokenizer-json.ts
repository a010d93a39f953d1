/**
 * tokenizer.json of Hugging Face `tokenizers` (format 1.0): written for a byte-level BPE model, and read back with
 * every part checked that would change tokens. Anything that the encoder here does not do exactly is refused.
 */
import { PipelineError } from "../errors.ts";
import type { AddedToken, BpeModel } from "./bpe-model.ts";
import { patternOf, type SplitRule, splitExpressions } from "./split-pattern.ts";
import { type AddedTokens, readSections, type Sections } from "./tokenizer-json-schema.ts";
import { readVocabulary } from "./tokenizer-json-vocabulary.ts";

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

function unsupported(reasons: readonly string[], cause?: unknown): PipelineError {
  return new PipelineError({
    code: "TOKENIZER_UNSUPPORTED",
    kind: "user",
    message: `This tokenizer.json cannot be used:${reasons.map((reason) => `\n- ${reason}`).join("")}`,
    hint: "Use a byte-level BPE tokenizer that splits text as GPT-2, GPT-4 or Qwen do, or train one with the train-tokenizer stage. Special tokens alone can be added: tokenizer.addSpecialTokens: true.",
    cause,
  });
}

export interface RequiredTokens {
  /** Special tokens that must be among its own, e.g. `<|im_end|>` (default: none). */
  readonly specialTokens?: readonly string[];
}

/** Reads a tokenizer.json. Throws TOKENIZER_UNSUPPORTED with all that differs from what the encoder does. */
export function parseTokenizerJson(text: string, { specialTokens = [] }: RequiredTokens = {}): BpeModel {
  if (text.length > maxTokenizerJsonBytes)
    throw unsupported([`it has ${text.length} characters, more than ${maxTokenizerJsonBytes}`]);
  const { read, differences: found } = readSections(parseObject(text));
  const differences = [...found];
  const { added_tokens: added, normalizer, pre_tokenizer: preTokenizer, model } = read;
  const composed = typeof normalizer?.type === "string";
  const rule = preTokenizer && splitRuleOf(preTokenizer, differences);
  const tokens = added && addedTokensOf(added, { specialTokens, composed }, differences);
  const vocabulary =
    model && tokens && readVocabulary(model, [...tokens.specialTokens, ...tokens.textTokens], differences);
  if (rule === undefined || tokens === undefined || vocabulary === undefined || differences.length > 0)
    throw unsupported(differences);
  return { ...vocabulary, ...tokens, composed, ...rule };
}

function parseObject(text: string): Readonly<Record<string, unknown>> {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (error) {
    throw unsupported([error instanceof Error ? error.message : "it is not JSON"], error);
  }
  if (typeof json !== "object" || json === null || Array.isArray(json))
    throw unsupported(["it is no JSON object"]);
  return json as Readonly<Record<string, unknown>>;
}

function addedTokensOf(
  added: AddedTokens,
  wanted: { readonly specialTokens: readonly string[]; readonly composed: boolean },
  differences: string[],
): Pick<BpeModel, "specialTokens" | "textTokens"> {
  const ofKind = (special: boolean): AddedToken[] =>
    added.filter((token) => token.special === special).map(({ id, content }) => ({ id, content }));
  const [specialTokens, textTokens] = [ofKind(true), ofKind(false)];
  for (const { content, normalized } of wanted.composed ? added : [])
    if (normalized) differences.push(`the added token ${content} is looked for in normalised text`);
  for (const wantedToken of wanted.specialTokens)
    if (!specialTokens.some(({ content }) => content === wantedToken))
      differences.push(
        textTokens.some(({ content }) => content === wantedToken)
          ? `${wantedToken} is text to it, no special token`
          : `it has no special token ${wantedToken}`,
      );
  return { specialTokens, textTokens };
}

/** [Digits], then GPT-2's expression inside of ByteLevel, or another one in Split before it. */
function splitRuleOf(
  preTokenizer: NonNullable<Sections["pre_tokenizer"]>,
  differences: string[],
): SplitRule | undefined {
  const steps = preTokenizer.type === "Sequence" ? preTokenizer.pretokenizers : [preTokenizer];
  const splitDigits = steps[0]?.type === "Digits";
  const [first, second, ...more] = splitDigits ? steps.slice(1) : steps;
  if (first?.type === "ByteLevel" && first.use_regex && second === undefined)
    return { splitPattern: "gpt2", splitDigits };
  const known = first?.type === "Split" && second?.type === "ByteLevel" && !second.use_regex;
  if (!known || more.length > 0) {
    const names = steps.map((step) =>
      step.type === "ByteLevel" ? `ByteLevel(use_regex=${step.use_regex})` : step.type,
    );
    differences.push(`its pre-tokenizer is ${names.join(", ")}, not [Digits], [Split], ByteLevel`);
    return undefined;
  }
  const splitPattern = patternOf(first.pattern.Regex);
  if (splitPattern !== undefined) return { splitPattern, splitDigits };
  const expression = JSON.stringify(first.pattern.Regex.slice(0, 400));
  differences.push(`it splits text by ${expression}, which is not known here`);
  return undefined;
}
