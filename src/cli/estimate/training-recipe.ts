/** What a recipe says about training, for commands that look ahead: the programs its stages will run, and its corpus. */
import { z } from "zod";
import { downloadSampleParams } from "../../data/sampling/sample-params.ts";
import { DEFAULT_RANGE_CACHE_BYTES } from "../../data/sources/range-cache.ts";
import { userError } from "../../errors.ts";
import { defineLlama, type LlamaConfig } from "../../model/llama-config.ts";
import { dpoProgram } from "../../train/dpo-program.ts";
import { bytesPerCharacter, type CorpusSize } from "../../train/estimate-disk.ts";
import { defineOptimizer } from "../../train/optimizer.ts";
import { pretrainingProgram } from "../../train/pretraining-program.ts";
import type { TrainingProgram } from "../../train/training-program.ts";
import { batchParams, modelParams, runtimeParams } from "../../../stages/training-params.ts";

const positive = z.int().positive();

/** The parts of a recipe that decide what training costs; the stages' own schemas check the rest. */
export const trainingRecipeSchema = z.object({
  downloadSample: downloadSampleParams,
  trainTokenizer: z.object({ vocabSize: positive }),
  tokenizer: z.object({ from: z.string(), vocabSize: positive.optional() }).optional(),
  pretrain: z.object({
    model: modelParams,
    steps: positive,
    intraDocumentMask: z.boolean().default(false),
    ...batchParams,
    ...runtimeParams,
  }),
  sft: z.object({ epochs: z.number().positive(), sequenceLength: positive, ...batchParams }),
  dpo: z.object({
    epochs: z.number().positive(),
    beta: z.number().positive(),
    maxLength: positive,
    ...batchParams,
  }),
});

export type TrainingRecipe = z.output<typeof trainingRecipeSchema>;

export const trainingStages = ["pretrain", "sft", "dpo"] as const;
export type TrainingStage = (typeof trainingStages)[number];

/** Throws `RECIPE_WITHOUT_TRAINING` where the pipeline trains no language model. */
export function trainingRecipe(recipe: unknown): TrainingRecipe {
  const parsed = trainingRecipeSchema.safeParse(recipe);
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  throw userError(
    "RECIPE_WITHOUT_TRAINING",
    `this recipe says nothing about training a language model: ${issue?.path.join(".") ?? ""} ${issue?.message ?? ""}`,
    "npx pipeline estimate --config tiny, in a project with the stages pretrain, sft and dpo",
  );
}

/** Throws `VOCABULARY_UNKNOWN` where the recipe takes a tokenizer from elsewhere and does not say how large it is. */
export function vocabSizeOf({ trainTokenizer, tokenizer }: TrainingRecipe): number {
  if (tokenizer === undefined) return trainTokenizer.vocabSize;
  if (tokenizer.vocabSize !== undefined) return tokenizer.vocabSize;
  throw userError(
    "VOCABULARY_UNKNOWN",
    `how many entries the tokenizer of ${tokenizer.from} has is not known before it is read`,
    "say it: --set tokenizer.vocabSize=N",
  );
}

export const modelOf = (recipe: TrainingRecipe): LlamaConfig =>
  defineLlama({ ...recipe.pretrain.model, vocabSize: vocabSizeOf(recipe) });

/** The program of one stage, as the stage itself will define it. */
export function programOf(recipe: TrainingRecipe, stage: TrainingStage): TrainingProgram {
  const { pretrain, sft, dpo } = recipe;
  const model = modelOf(recipe);
  const optimizer = defineOptimizer();
  const batch = ({
    microBatchSize,
    gradientAccumulation,
    recompute,
    precision,
  }: TrainingRecipe[TrainingStage]) => ({
    model,
    optimizer,
    microBatchSize,
    gradientAccumulation,
    recompute,
    precision,
  });
  switch (stage) {
    case "pretrain":
      return pretrainingProgram({
        ...batch(pretrain),
        sequenceLength: model.contextLength,
        intraDocumentMask: pretrain.intraDocumentMask,
      });
    case "sft":
      return pretrainingProgram({ ...batch(sft), sequenceLength: sft.sequenceLength });
    case "dpo":
      return dpoProgram({ ...batch(dpo), sequenceLength: dpo.maxLength, beta: dpo.beta });
  }
}

/** Bytes of the packages that the npm corpora are taken from. */
const npmPackageBytes = 34e6;
/** Bytes of a record: built by template, and as the published sets have them on average. */
const builtRecordBytes = 250;
const conversationBytes = 2_100;
const pairBytes = 4_200;
/** Of a document, as IndustryCorpus2's have them on average (100 of each language). */
const documentCharacters = { en: 7_077, zh: 2_073 } as const;

/** What is read of remote files is kept, up to a bound, for the next try. */
export function corpusOf({ downloadSample }: TrainingRecipe): CorpusSize {
  const characters = { en: 0, zh: 0 };
  let recordBytes = 0;
  let packageBytes = 0;
  let remoteBytes = 0;
  for (const source of downloadSample.sources) {
    const text = charactersOf(source);
    const records = recordBytesOf(source);
    characters.en += text.en;
    characters.zh += text.zh;
    recordBytes += records;
    if (source.kind === "npm-default") packageBytes = npmPackageBytes;
    else if (source.kind !== "local") {
      const rowShare = "rowShare" in source ? source.rowShare : 1;
      const bytes = text.en * bytesPerCharacter.en + text.zh * bytesPerCharacter.zh;
      remoteBytes += bytes / rowShare + records;
    }
  }
  return {
    characters,
    documents: Math.round(characters.en / documentCharacters.en + characters.zh / documentCharacters.zh),
    recordBytes,
    downloadBytes: packageBytes + Math.min(Math.round(remoteBytes), DEFAULT_RANGE_CACHE_BYTES),
  };
}

type Source = TrainingRecipe["downloadSample"]["sources"][number];

function charactersOf(source: Source): { readonly en: number; readonly zh: number } {
  if (!("characters" in source)) return { en: 0, zh: 0 };
  if ("category" in source) return { en: 0, zh: 0, [source.language]: source.characters };
  return source.characters;
}

function recordBytesOf(source: Source): number {
  if (source.kind === "npm-default")
    return builtRecordBytes * (source.conversations + source.preferences + source.questions);
  if ("conversations" in source) return conversationBytes * source.conversations;
  return "preferences" in source ? pairBytes * source.preferences : 0;
}
