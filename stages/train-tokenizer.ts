/** Trains the byte-level BPE tokenizer on the training split; held-out text is never seen. */
import { availableParallelism } from "node:os";
import { z } from "zod";
import { defineStage } from "../src/pipeline/index.ts";
import { createEncoder } from "../src/tokenizer/encoder.ts";
import { createTokenizerReport } from "../src/tokenizer/tokenizer-report.ts";
import { splitPatterns } from "../src/tokenizer/split-pattern.ts";
import { trainBpe } from "../src/tokenizer/train-bpe.ts";
import { CorpusArtifact } from "./dataset-artifacts.ts";
import { specialTokens } from "./special-tokens.ts";
import { TokenizerArtifact } from "./tokenizer-artifact.ts";

export const trainTokenizer = defineStage({
  name: "train-tokenizer",
  description: "train the bilingual byte-level BPE tokenizer",
  inputs: { corpus: CorpusArtifact },
  outputs: { tokenizer: TokenizerArtifact },
  params: z.strictObject({
    vocabSize: z
      .int()
      .min(256 + specialTokens.length)
      .describe("entries: special tokens, 256 bytes, merges"),
    minFrequency: z.int().min(0).default(2).describe("a pair seen less often is not merged"),
    splitPattern: z
      .enum(splitPatterns)
      .default("gpt2")
      .describe("how text is cut into pieces that no token crosses"),
    splitDigits: z.boolean().default(true).describe("every digit is a token of its own, as SmolLM2 has it"),
    workers: z.int().min(0).default(0).describe("threads that count words; 0: one for each CPU"),
  }),
  runtimeParams: ["workers"],
  resources: { cpus: Infinity },
  async run({ inputs, outputs, params, context }) {
    const model = await trainBpe(texts(inputs.corpus.documents("train")), {
      ...params,
      workers: params.workers || availableParallelism(),
      specialTokens,
      signal: context.signal,
      onProgress: (done) =>
        context.progress({ done, total: params.vocabSize, unit: "tokens", message: "merging pairs" }),
    });
    const report = await createTokenizerReport(createEncoder(model), inputs.corpus.documents("heldout"));
    await (await outputs.tokenizer.create()).save(model, report);
    if (report.vocabSize < params.vocabSize)
      context.log(
        `the corpus gives ${report.vocabSize} entries, not the ${params.vocabSize} that were asked`,
      );
    const charactersPerToken = Object.entries(report.languages).map(
      ([language, { charactersPerToken }]) => [`charactersPerToken.${language}`, charactersPerToken] as const,
    );
    return {
      tokenizer: outputs.tokenizer.written({
        vocabSize: report.vocabSize,
        ...Object.fromEntries(charactersPerToken),
      }),
    };
  },
});

async function* texts(documents: AsyncIterable<{ readonly text: string }>): AsyncGenerator<string> {
  for await (const { text } of documents) yield text;
}
