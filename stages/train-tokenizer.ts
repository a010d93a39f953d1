/** Trains the byte-level BPE tokenizer on the training split; held-out text is never seen. */
import { availableParallelism } from "node:os";
import { z } from "zod";
import { CORPUS_FILES } from "../src/data/documents/dataset.ts";
import type { Tally } from "../src/data/documents/manifest.ts";
import { charactersIn, sampleDocuments } from "../src/data/documents/sample-documents.ts";
import { createRandom } from "../src/data/random.ts";
import type { Language } from "../src/data/records.ts";
import { defineStage } from "../src/pipeline/index.ts";
import { createEncoder } from "../src/tokenizer/encoder.ts";
import { formatTokenizerJson } from "../src/tokenizer/tokenizer-json.ts";
import { createTokenizerReport } from "../src/tokenizer/tokenizer-report.ts";
import { splitPatterns } from "../src/tokenizer/split-pattern.ts";
import { trainBpe } from "../src/tokenizer/train-bpe.ts";
import { CorpusArtifact } from "./dataset-artifacts.ts";
import { specialTokens } from "./special-tokens.ts";
import { summaryOf, TokenizerArtifact } from "./tokenizer-artifact.ts";

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
    sample: z
      .strictObject({
        seed: z.int(),
        characters: z
          .strictObject({ en: z.int().positive().optional(), zh: z.int().positive().optional() })
          .describe("of each language, no more than so many; absent: all of it"),
      })
      .optional()
      .describe(
        "train on documents drawn from the corpus; memory grows with what is read (absent: all of it)",
      ),
    workers: z.int().min(0).default(0).describe("threads that count words; 0: one for each CPU"),
  }),
  runtimeParams: ["workers"],
  resources: { cpus: Infinity },
  async run({ inputs, outputs, params, context }) {
    const { sample, ...options } = params;
    const { corpus } = inputs;
    const documents = corpus.documents("train");
    const taken = new Map<Language, Tally>();
    const drawn = sampleDocuments(
      documents,
      {
        random: createRandom(sample?.seed ?? 0).fork("tokenizer"),
        characters: sample?.characters ?? {},
        available: charactersIn(corpus.manifest, CORPUS_FILES.train),
      },
      taken,
    );
    const model = await trainBpe(texts(drawn), {
      ...options,
      workers: params.workers || availableParallelism(),
      specialTokens,
      signal: context.signal,
      onProgress: (done) =>
        context.progress({ done, total: params.vocabSize, unit: "tokens", message: "merging pairs" }),
    });
    for (const [language, { records, characters }] of taken)
      context.log(`trained on ${characters} characters (${records} documents) of ${language}`);
    const encoder = createEncoder(model);
    const report = await createTokenizerReport(encoder, corpus.documents("heldout"));
    await (await outputs.tokenizer.create()).save(formatTokenizerJson(model), encoder, report);
    if (report.vocabSize < params.vocabSize)
      context.log(
        `the corpus gives ${report.vocabSize} entries, not the ${params.vocabSize} that were asked`,
      );
    return { tokenizer: outputs.tokenizer.written(summaryOf(report)) };
  },
});

async function* texts(documents: AsyncIterable<{ readonly text: string }>): AsyncGenerator<string> {
  for await (const { text } of documents) yield text;
}
