/** Writes the aligned model as a folder that Hugging Face transformers loads, with a card of this run's own figures. */
import { z } from "zod";
import { writeHuggingFaceFolder } from "../src/export/hugging-face-folder.ts";
import { loadLlama } from "../src/model/llama-files.ts";
import { defineStage } from "../src/pipeline/index.ts";
import { modelCard } from "../src/report/model-card.ts";
import { BundleArtifact } from "./bundle-artifact.ts";
import { cardInput } from "./card-input.ts";
import { DpoCheckpoint } from "./checkpoint-artifact.ts";
import {
  ConversationsArtifact,
  CorpusArtifact,
  PreferencesArtifact,
  QuestionsArtifact,
} from "./dataset-artifacts.ts";
import { ScoresArtifact } from "./scores-artifact.ts";
import { endOfText, systemPrompt } from "./special-tokens.ts";
import { TokenizerArtifact } from "./tokenizer-artifact.ts";

export const exportModel = defineStage({
  name: "export",
  description: "write the Hugging Face folder and its model card",
  inputs: {
    model: DpoCheckpoint,
    tokenizer: TokenizerArtifact,
    corpus: CorpusArtifact,
    conversations: ConversationsArtifact,
    preferences: PreferencesArtifact,
    questions: QuestionsArtifact,
    baseScores: ScoresArtifact,
    sftScores: ScoresArtifact,
    scores: ScoresArtifact,
  },
  outputs: { bundle: BundleArtifact },
  params: z.strictObject({
    name: z
      .string()
      .regex(/^[\w.-]+$/)
      .describe("name of the model"),
    license: z.string().min(1).describe("SPDX id in lower case, as the Hub writes it"),
    temperature: z.number().positive().default(0.8).describe("default sampling of the exported model"),
    topP: z.number().gt(0).max(1).default(0.95),
    maxNewTokens: z.int().positive().default(128),
  }),
  async run({ inputs, outputs, params }) {
    const { model, tokenizer, baseScores, sftScores, scores } = inputs;
    await using files = await loadLlama(model.directory);
    const card = cardInput({
      ...params,
      config: files.config,
      trainings: model.trainings,
      manifests: [inputs.corpus, inputs.conversations, inputs.preferences, inputs.questions].map(
        ({ manifest }) => manifest,
      ),
      evaluations: [baseScores, sftScores, scores],
    });
    await writeHuggingFaceFolder(outputs.bundle.directory, {
      modelDirectory: model.directory,
      tokenizerJson: tokenizer.json,
      encoder: tokenizer.createEncoder(),
      endOfText,
      systemPrompt,
      generation: params,
      modelCard: modelCard(card),
    });
    return { bundle: outputs.bundle.written({ name: params.name, parameters: card.parameters }) };
  },
});
