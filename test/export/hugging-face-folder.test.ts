import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import fc from "fast-check";
import { expect, test } from "vitest";
import { bundleFiles, writeHuggingFaceFolder } from "../../src/export/hugging-face-folder.ts";
import { loadLlama } from "../../src/model/llama-files.ts";
import { listParameters } from "../../src/model/llama-parameters.ts";
import { chatTemplateJinja } from "../../src/tokenizer/chat-template.ts";
import { createEncoder } from "../../src/tokenizer/encoder.ts";
import { createHuggingFaceTokenizer } from "../../src/tokenizer/hugging-face-tokenizer.ts";
import { parseTokenizerJson } from "../../src/tokenizer/tokenizer-json.ts";
import { goldenConfig, readGolden } from "../model/golden-llama.ts";
import { readCorpus } from "../tokenizer/golden.ts";
import { createSmallFolder, endOfText, generation, modelCard, systemPrompt } from "./small-folder.ts";

const readJson = async (folder: string, file: string): Promise<unknown> =>
  JSON.parse(await readFile(join(folder, file), "utf8"));

test("the folder holds the files of a Hugging Face model and nothing else", async () => {
  await using small = await createSmallFolder();
  expect((await readdir(small.bundle)).sort()).toEqual([...bundleFiles].sort());
  expect(await readFile(join(small.bundle, "README.md"), "utf8")).toBe(modelCard);
  expect(await readFile(join(small.bundle, "tokenizer.json"), "utf8")).toBe(small.tokenizerJson);
});

test("weights go over byte for byte, and our own loader opens them", async () => {
  await using small = await createSmallFolder();
  const [before, after] = await Promise.all(
    [small.source, small.bundle].map((folder) => readFile(join(folder, "model.safetensors"))),
  );
  expect(before !== undefined && after?.equals(before)).toBe(true);
  await using files = await loadLlama(small.bundle);
  expect(files.config).toEqual(goldenConfig);
  const names = listParameters(goldenConfig).map(({ name }) => name);
  const expected = await readGolden("model.safetensors", names);
  for (const [index, name] of names.entries()) expect(await files.read(name)).toEqual(expected[index]);
});

test("both configs name the tokens of the turns, and the architecture stays as it was", async () => {
  await using small = await createSmallFolder();
  // Special tokens come first: <|endoftext|> 0, <|im_start|> 1, <|im_end|> 2, as in SmolLM2.
  const ids = { bos_token_id: 1, eos_token_id: 2, pad_token_id: 2 };
  const before = await readJson(small.source, "config.json");
  expect(await readJson(small.bundle, "config.json")).toEqual({ ...(before as object), ...ids });
  expect(before).toMatchObject({ model_type: "llama", vocab_size: 320, tie_word_embeddings: true });
  expect(await readJson(small.bundle, "generation_config.json")).toEqual({
    ...ids,
    do_sample: true,
    temperature: generation.temperature,
    top_p: generation.topP,
    max_new_tokens: generation.maxNewTokens,
  });
});

test("the tokenizer's config has the chat template, the context length and every special token", async () => {
  await using small = await createSmallFolder();
  const names = { bos_token: "<|im_start|>", eos_token: "<|im_end|>", pad_token: "<|im_end|>" };
  const config = await readJson(small.bundle, "tokenizer_config.json");
  expect(config).toMatchObject({
    ...names,
    unk_token: endOfText,
    chat_template: chatTemplateJinja(systemPrompt),
    model_max_length: goldenConfig.contextLength,
    additional_special_tokens: ["<|im_start|>", "<|im_end|>"],
    added_tokens_decoder: {
      0: { content: "<|endoftext|>", special: true },
      1: { content: "<|im_start|>", special: true },
      2: { content: "<|im_end|>", special: true },
    },
  });
  expect(await readJson(small.bundle, "special_tokens_map.json")).toMatchObject(names);
});

test("Hugging Face's tokenizer gives the exported tokenizer.json the ids of our encoder", async () => {
  await using small = await createSmallFolder();
  const json = await readFile(join(small.bundle, "tokenizer.json"), "utf8");
  const reference = createHuggingFaceTokenizer(json);
  const encoder = createEncoder(parseTokenizerJson(json));
  const check = (text: string) => {
    const { ids } = reference.encode(text, { add_special_tokens: false });
    expect([...encoder.encode(text, { parseSpecialTokens: true })]).toEqual([...ids]);
  };
  for (const text of readCorpus().slice(0, 50)) check(text);
  check("Hello<|im_end|>\n<|im_start|>assistant\n你好，世界！ 1987");
  fc.assert(fc.property(fc.string({ unit: "grapheme" }), check));
});

test("a model or tokenizer that cannot be exported is refused by name", async () => {
  await using small = await createSmallFolder();
  const input = {
    modelDirectory: small.source,
    tokenizerJson: small.tokenizerJson,
    encoder: small.encoder,
    endOfText,
    systemPrompt,
    generation,
    modelCard,
  };
  const plain = createEncoder({ ...parseTokenizerJson(small.tokenizerJson), specialTokens: [] });
  await expect(writeHuggingFaceFolder(small.bundle, { ...input, encoder: plain })).rejects.toMatchObject({
    code: "TOKEN_UNKNOWN",
  });
  await expect(
    writeHuggingFaceFolder(small.bundle, { ...input, modelDirectory: join(small.source, "absent") }),
  ).rejects.toThrow(/ENOENT.*config\.json/);
});
