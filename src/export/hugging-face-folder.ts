/**
 * A finished model as a folder that Hugging Face `transformers` loads: config.json, generation_config.json,
 * model.safetensors (float32, never rounded), tokenizer.json, tokenizer_config.json with the chat template,
 * special_tokens_map.json. Token ids of the turns are in both configs, as in SmolLM2-135M-Instruct.
 */
import { copyFile, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { configFile, loadLlama, weightsFile } from "../model/llama-files.ts";
import type { JsonObject } from "../std/json.ts";
import { chatTemplateJinja, turnEnd, turnStart } from "../tokenizer/chat-template.ts";
import type { Encoder } from "../tokenizer/encoder.ts";

export interface HuggingFaceFolderInput {
  /** Holds model.safetensors and config.json. */
  readonly modelDirectory: string;
  /** Text of tokenizer.json. */
  readonly tokenizerJson: string;
  readonly encoder: Encoder;
  /** Ends documents; the token for what is unknown, which a byte-level tokenizer never gives. */
  readonly endOfText: string;
  readonly systemPrompt: string;
  /** Sampling that `generate` uses by default. */
  readonly generation: { readonly temperature: number; readonly topP: number; readonly maxNewTokens: number };
  /** README.md of the folder. */
  readonly modelCard: string;
}

/** The files that `writeHuggingFaceFolder` writes. */
export const bundleFiles = [
  configFile,
  "generation_config.json",
  weightsFile,
  "tokenizer.json",
  "tokenizer_config.json",
  "special_tokens_map.json",
  "README.md",
] as const;

/** Writes into an existing folder. Throws `MODEL_CONFIG_INVALID`, `TOKEN_UNKNOWN`. */
export async function writeHuggingFaceFolder(
  directory: string,
  input: HuggingFaceFolderInput,
): Promise<void> {
  const { modelDirectory, encoder, endOfText, systemPrompt, generation } = input;
  await using model = await loadLlama(modelDirectory); // checks shapes against the config
  const ids = {
    bos_token_id: encoder.specialTokenId(turnStart),
    eos_token_id: encoder.specialTokenId(turnEnd),
    pad_token_id: encoder.specialTokenId(turnEnd),
  };
  const names = { bos_token: turnStart, eos_token: turnEnd, pad_token: turnEnd, unk_token: endOfText };
  const special = [endOfText, turnStart, turnEnd];
  const writeJson = (name: string, value: JsonObject) =>
    writeFile(join(directory, name), `${JSON.stringify(value, null, 2)}\n`);

  const config = JSON.parse(await readFile(join(modelDirectory, configFile), "utf8")) as JsonObject;
  await writeJson(configFile, { ...config, ...ids });
  await writeJson("generation_config.json", {
    ...ids,
    do_sample: true,
    temperature: generation.temperature,
    top_p: generation.topP,
    max_new_tokens: generation.maxNewTokens,
  });
  await copyFile(join(modelDirectory, weightsFile), join(directory, weightsFile));
  await writeFile(join(directory, "tokenizer.json"), input.tokenizerJson);
  await writeJson("tokenizer_config.json", {
    tokenizer_class: "PreTrainedTokenizerFast",
    ...names,
    additional_special_tokens: [turnStart, turnEnd],
    added_tokens_decoder: Object.fromEntries(
      special.map((content) => [
        String(encoder.specialTokenId(content)),
        { content, single_word: false, lstrip: false, rstrip: false, normalized: false, special: true },
      ]),
    ),
    model_max_length: model.config.contextLength,
    clean_up_tokenization_spaces: false,
    chat_template: chatTemplateJinja(systemPrompt),
  });
  await writeJson("special_tokens_map.json", { ...names, additional_special_tokens: [turnStart, turnEnd] });
  await writeFile(join(directory, "README.md"), input.modelCard);
}
