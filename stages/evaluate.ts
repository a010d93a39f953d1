/** Measures a checkpoint on held-out text and questions, and lets it write in both languages. */
import { z } from "zod";
import { createRandom } from "../src/data/random.ts";
import { trainSplit, validationSplit } from "../src/data/shards/mix-shards.ts";
import { openEngine } from "../src/engine/open-engine.ts";
import { scoreText } from "../src/evaluate/bits-per-byte.ts";
import { encodeQuestion } from "../src/evaluate/encode-question.ts";
import { createInferenceModel, type InferenceModel } from "../src/evaluate/inference-model.ts";
import { openLanguageModel, type LanguageModel, type Prompt } from "../src/evaluate/language-model.ts";
import { multipleChoice } from "../src/evaluate/multiple-choice.ts";
import type { NextTokenModel } from "../src/evaluate/next-token-model.ts";
import { defineStage } from "../src/pipeline/index.ts";
import { AnyCheckpoint } from "./checkpoint-artifact.ts";
import { QuestionsArtifact } from "./dataset-artifacts.ts";
import { engineFact } from "./engine-fact.ts";
import { ScoresArtifact, type Evaluation } from "./scores-artifact.ts";
import { ShardsArtifact } from "./shard-artifacts.ts";
import { endOfText, systemPrompt } from "./special-tokens.ts";
import { TokenizerArtifact } from "./tokenizer-artifact.ts";
import { collect } from "../src/std/collect.ts";
import type { Question } from "../src/data/records.ts";

const language = z.enum(["en", "zh"]);
const names = { pretrain: "base", sft: "SFT", dpo: "DPO" } as const;
const languages = ["en", "zh"] as const;

export const evaluate = defineStage({
  name: "eval",
  description: "score a checkpoint on held-out text and questions; write samples",
  inputs: {
    model: AnyCheckpoint,
    shards: ShardsArtifact,
    questions: QuestionsArtifact,
    tokenizer: TokenizerArtifact,
  },
  outputs: { scores: ScoresArtifact },
  params: z.strictObject({
    microBatchSize: z.int().positive().describe("rows scored at once"),
    sequenceLength: z
      .int()
      .positive()
      .describe("window over held-out text; at most the model's contextLength"),
    samples: z.strictObject({
      texts: z
        .array(z.strictObject({ language, text: z.string().min(1) }))
        .describe("beginnings to continue"),
      questions: z
        .array(z.strictObject({ language, text: z.string().min(1) }))
        .describe("user messages to answer"),
      maxNewTokens: z.int().positive().default(64),
      temperature: z.number().min(0).default(0.8),
      topK: z.int().min(0).default(0),
      topP: z.number().gt(0).max(1).default(0.95),
      repetitionPenalty: z.number().positive().default(1),
      seed: z.int(),
    }),
  }),
  resources: { cpus: Infinity, accelerators: 1 },
  environment: engineFact,
  async run({ inputs, outputs, params, context }) {
    const { model: trained, shards, tokenizer } = inputs;
    const checkpoint = names[trained.trainings.at(-1)?.stage ?? "pretrain"];
    const engine = await openEngine();
    const { microBatchSize: batchSize, sequenceLength } = params;
    const voice = { endOfText, systemPrompt };
    await using model = await openLanguageModel(trained.directory, voice, (files) =>
      createInferenceModel(engine, files, { batchSize, sequenceLength }),
    );
    const { encoder } = model;
    const texts = await scoreText(model.model, {
      shards,
      split: validationSplit,
      trainSplit,
      tokenByteCounts: encoder.tokenByteCounts,
      endOfText: encoder.specialTokenId(endOfText),
      signal: context.signal,
      onProgress: (done) =>
        context.progress({
          done,
          total: shards.manifest.splits[validationSplit]?.totals.tokens ?? done,
          unit: "tokens",
          message: "held-out text",
        }),
    });
    const scores: Evaluation["scores"] = texts.map(({ group, bitsPerByte, unigramBitsPerByte, tokens }) => ({
      task: "held-out text",
      ...(group === "all" ? {} : { language: group }),
      metric: "bitsPerByte",
      checkpoint,
      value: bitsPerByte,
      better: "lower",
      items: tokens,
      baseline: { label: "unigram", value: unigramBitsPerByte },
    }));
    const questions = await collect(inputs.questions.questions());
    for (const each of languages) {
      context.signal.throwIfAborted();
      scores.push(...(await questionScores(model, questions, each, checkpoint)));
    }
    context.log(`sampling ${params.samples.texts.length + params.samples.questions.length} texts`);
    const samples = await writeSamples(model, params.samples, checkpoint, context.signal);
    await (await outputs.scores.create()).save({ checkpoint, scores, samples });
    const all = texts.at(-1);
    return {
      scores: outputs.scores.written({
        checkpoint,
        tokenizer: tokenizer.digest,
        bitsPerByte: all?.bitsPerByte ?? null,
        unigramBitsPerByte: all?.unigramBitsPerByte ?? null,
        ...Object.fromEntries(
          scores
            .filter(({ metric }) => metric === "accuracy")
            .map(({ language: tag, value }) => [`accuracy.${tag ?? "all"}`, value]),
        ),
      }),
    };
  },
});

/** Accuracy in one language; nothing where there are no questions in it. */
async function questionScores(
  { model, encoder }: LanguageModel<InferenceModel>,
  questions: readonly Question[],
  tag: Question["language"],
  checkpoint: string,
): Promise<Evaluation["scores"]> {
  const asked = questions.filter((question) => question.language === tag);
  if (asked.length === 0) return [];
  const encoded = asked.map((question) => encodeQuestion(encoder, question, { systemPrompt }));
  const { accuracy, accuracyNorm, chance } = await multipleChoice(model, encoded);
  const common = {
    task: "held-out questions",
    language: tag,
    checkpoint,
    better: "higher",
    items: asked.length,
  } as const;
  const baseline = { label: "chance", value: chance };
  return [
    { ...common, metric: "accuracy", value: accuracy, baseline },
    { ...common, metric: "accuracyNorm", value: accuracyNorm, baseline },
  ];
}

type SampleParams = Parameters<typeof evaluate.run>[0]["params"]["samples"];

async function writeSamples(
  model: LanguageModel<NextTokenModel>,
  { texts, questions, maxNewTokens, seed, ...sampling }: SampleParams,
  checkpoint: string,
  signal: AbortSignal,
): Promise<Evaluation["samples"]> {
  const samples: Evaluation["samples"] = [];
  const write = async (tag: string, shown: string, prompt: Prompt) => {
    const random = createRandom(seed).fork(`sample:${samples.length}`);
    const { text } = await model.generate(prompt, { maxNewTokens, sampling, random, signal });
    signal.throwIfAborted();
    samples.push({ checkpoint, language: tag, prompt: shown, text, settings: { ...sampling, seed } });
  };
  for (const { language: tag, text } of texts) await write(tag, text, { text });
  for (const { language: tag, text } of questions)
    await write(tag, text, { messages: [{ role: "user", content: text }] });
  return samples;
}
