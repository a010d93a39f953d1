/** What a recipe says about training, for commands that look ahead: the programs its stages will run, and its corpus. */
import { z } from "zod";
import { downloadSampleParams } from "../../data/sampling/sample-params.ts";
import { userError } from "../../errors.ts";
import { defineLlama, type LlamaConfig } from "../../model/llama-config.ts";
import { dpoProgram } from "../../train/dpo-program.ts";
import type { CorpusSize } from "../../train/estimate-disk.ts";
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
  pretrain: z.object({ model: modelParams, steps: positive, ...batchParams, ...runtimeParams }),
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
  const batch = ({ microBatchSize, gradientAccumulation, recompute }: TrainingRecipe[TrainingStage]) => ({
    model,
    optimizer,
    microBatchSize,
    gradientAccumulation,
    recompute,
  });
  switch (stage) {
    case "pretrain":
      return pretrainingProgram({ ...batch(pretrain), sequenceLength: model.contextLength });
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

/** Hub datasets are read by byte range, and nothing of them is kept but the sample. */
export function corpusOf({ downloadSample }: TrainingRecipe): CorpusSize {
  const characters = { en: 0, zh: 0 };
  let recordBytes = 0;
  let downloadBytes = 0;
  for (const source of downloadSample.sources)
    if ("category" in source) characters[source.language] += source.characters;
    else if (source.kind === "npm-default") {
      characters.en += source.characters.en;
      characters.zh += source.characters.zh;
      recordBytes += builtRecordBytes * (source.conversations + source.preferences + source.questions);
      downloadBytes = npmPackageBytes;
    } else if ("characters" in source) {
      characters.en += source.characters.en;
      characters.zh += source.characters.zh;
    } else if ("conversations" in source) recordBytes += conversationBytes * source.conversations;
    else recordBytes += pairBytes * source.preferences;
  return { characters, recordBytes, downloadBytes };
}
