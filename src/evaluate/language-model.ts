/**
 * A finished model with its tokenizer: text in, text out. Opens any folder with config.json, model.safetensors and
 * tokenizer.json in Hugging Face layout. Texts are read by Hugging Face's own tokenizer, conversations by ours, which
 * keeps special tokens written inside a message ordinary text.
 */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import type { Random } from "../data/random.ts";
import { loadLlama, type LlamaFiles } from "../model/llama-files.ts";
import { encodeChat, turnEnd, turnStart, type ChatMessage } from "../tokenizer/chat-template.ts";
import { createDecodeStream } from "../tokenizer/decode-stream.ts";
import { createEncoder, type Encoder } from "../tokenizer/encoder.ts";
import { createHuggingFaceTokenizer } from "../tokenizer/hugging-face-tokenizer.ts";
import { parseTokenizerJson } from "../tokenizer/tokenizer-json.ts";
import { generateTokens, type Decoded } from "./generate-tokens.ts";
import type { NextTokenModel } from "./next-token-model.ts";
import type { SamplingOptions } from "./sample-token.ts";

/** A text to continue, or a conversation to answer. */
export type Prompt = { readonly text: string } | { readonly messages: readonly ChatMessage[] };

export interface GenerationSettings {
  readonly maxNewTokens: number;
  readonly sampling: SamplingOptions;
  readonly random: Random;
  readonly signal?: AbortSignal;
}

export interface GeneratedText {
  /** What the model added. */
  readonly text: string;
  readonly tokens: number;
  readonly end: Decoded["end"];
}

export interface LanguageModel<Model extends NextTokenModel> extends AsyncDisposable {
  readonly model: Model;
  readonly encoder: Encoder;
  /** `onText` gets whole characters, as they become certain. */
  generate(
    prompt: Prompt,
    settings: GenerationSettings,
    onText?: (piece: string) => void,
  ): Promise<GeneratedText>;
}

export interface Voice {
  /** Ends a text and stands before one. */
  readonly endOfText: string;
  /** Goes before conversations without a system message. */
  readonly systemPrompt: string;
}

/** `compile` makes of the weights what the caller needs: to go on with texts, or to score them besides. */
export async function openLanguageModel<Model extends NextTokenModel>(
  directory: string,
  { endOfText, systemPrompt }: Voice,
  compile: (files: LlamaFiles) => Promise<Model>,
): Promise<LanguageModel<Model>> {
  const json = await readFile(join(directory, "tokenizer.json"), "utf8");
  const encoder = createEncoder(parseTokenizerJson(json));
  const tokenizer = createHuggingFaceTokenizer(json);
  await using files = await loadLlama(directory);
  const model = await compile(files);
  const end = encoder.specialTokenId(endOfText);

  const promptIds = (prompt: Prompt): readonly number[] => {
    if ("messages" in prompt)
      return [...encodeChat(encoder, prompt.messages, { addGenerationPrompt: true, systemPrompt }).ids];
    return [end, ...tokenizer.encode(prompt.text, { add_special_tokens: false }).ids];
  };

  return {
    model,
    encoder,
    async generate(prompt, { maxNewTokens, sampling, random, signal }, onText = () => undefined) {
      const stream = createDecodeStream(encoder, { skipSpecialTokens: true });
      let text = "";
      const show = (piece: string) => {
        text += piece;
        if (piece !== "") onText(piece);
      };
      const options = {
        maxNewTokens,
        sampling,
        stopTokens: [end, encoder.specialTokenId(turnEnd)],
        bannedTokens: [encoder.specialTokenId(turnStart)],
        ...(signal === undefined ? {} : { signal }),
      };
      const request = {
        prompt: promptIds(prompt),
        random,
        onToken: (token: number) => {
          show(stream.push(token));
        },
      };
      const [decoded = { tokens: [], end: "length" as const }] = await generateTokens(
        model,
        [request],
        options,
      );
      show(stream.end());
      return { text, tokens: decoded.tokens.length, end: decoded.end };
    },
    [Symbol.asyncDispose]: () => model[Symbol.asyncDispose](),
  };
}
