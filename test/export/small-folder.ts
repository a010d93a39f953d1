/** An exported folder of the golden Llama and a tokenizer of its 320 entries; gone when the test is over. */
import { mkdtemp, mkdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { writeHuggingFaceFolder } from "../../src/export/hugging-face-folder.ts";
import { loadLlama, saveLlama } from "../../src/model/llama-files.ts";
import { createEncoder, type Encoder } from "../../src/tokenizer/encoder.ts";
import { formatTokenizerJson } from "../../src/tokenizer/tokenizer-json.ts";
import { trainBpe } from "../../src/tokenizer/train-bpe.ts";
import { goldenConfig, goldenPath } from "../model/golden-llama.ts";
import { readCorpus, specialTokens } from "../tokenizer/golden.ts";

/** With everything that a template must escape. */
export const systemPrompt = "It's \\ a 'quoted'\nprompt.";
export const endOfText = "<|endoftext|>";
export const generation = { temperature: 0.8, topP: 0.95, maxNewTokens: 20 };
export const modelCard = "# Small\n\nA model for tests.\n";

export interface SmallFolder extends AsyncDisposable {
  /** What was exported. */
  readonly source: string;
  /** What the export wrote. */
  readonly bundle: string;
  readonly tokenizerJson: string;
  readonly encoder: Encoder;
}

export async function createSmallFolder(): Promise<SmallFolder> {
  const folder = await mkdtemp(join(tmpdir(), "export-"));
  const [source, bundle] = [join(folder, "source"), join(folder, "bundle")];
  await mkdir(source);
  await mkdir(bundle);
  const model = await trainBpe(readCorpus(), {
    vocabSize: goldenConfig.vocabSize,
    minFrequency: 2,
    specialTokens,
    splitPattern: "gpt2",
    splitDigits: true,
  });
  await using golden = await loadLlama(dirname(goldenPath("model.safetensors")));
  await saveLlama(source, golden.config, (name) => golden.read(name));
  const tokenizerJson = formatTokenizerJson(model);
  const encoder = createEncoder(model);
  await writeHuggingFaceFolder(bundle, {
    modelDirectory: source,
    tokenizerJson,
    encoder,
    endOfText,
    systemPrompt,
    generation,
    modelCard,
  });
  return {
    source,
    bundle,
    tokenizerJson,
    encoder,
    [Symbol.asyncDispose]: () => rm(folder, { recursive: true }),
  };
}
