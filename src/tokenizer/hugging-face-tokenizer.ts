/**
 * Hugging Face's own JavaScript tokenizer, typed for what is used of it. The package's declarations import without
 * file extensions, which this project's module resolution does not follow; hence the type here.
 */
import * as library from "@huggingface/tokenizers";

export interface HuggingFaceTokenizer {
  /** Special tokens written in the text become their ids. */
  encode(
    text: string,
    options: { readonly add_special_tokens: boolean },
  ): { readonly ids: readonly number[] };
}

type Constructor = new (tokenizer: object, config: object) => HuggingFaceTokenizer;

export function createHuggingFaceTokenizer(tokenizerJson: string): HuggingFaceTokenizer {
  const { Tokenizer } = library as unknown as { readonly Tokenizer: Constructor };
  return new Tokenizer(JSON.parse(tokenizerJson) as object, {});
}
