/** Pretraining, fine-tuning and preference training of a tiny model on real sources of data, which cross the end of an epoch. */
import { createHash } from "node:crypto";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import type { PairBatchSource, BatchSource } from "../../src/data/batch.ts";
import { createConversationSource } from "../../src/data/loader/conversation-source.ts";
import { createPreferenceSource } from "../../src/data/loader/preference-source.ts";
import { createPretrainSource } from "../../src/data/loader/pretrain-source.ts";
import type { TokenShards } from "../../src/data/shards/open-shards.ts";
import type { Engine } from "../../src/engine/engine.ts";
import { defineLlama } from "../../src/model/llama-config.ts";
import { defineOptimizer } from "../../src/train/optimizer.ts";
import { trainLanguageModel } from "../../src/train/train-language-model.ts";
import { trainPreferences } from "../../src/train/train-preferences.ts";
import type { TrainedModel } from "../../src/train/run-training.ts";
import type { TrainLoopOptions } from "../../src/train/training-options.ts";
import { documents, encoder } from "../data/shards/corpus.ts";
import { seeded, type Rig } from "./training-rig.ts";

export const totalSteps = 4;
export const microBatchSize = 2;

const [sequenceLength, pairLength] = [16, 48];
const model = defineLlama({
  hiddenSize: 8,
  intermediateSize: 12,
  numLayers: 1,
  numHeads: 2,
  numKvHeads: 1,
  vocabSize: encoder.vocabSize,
  contextLength: pairLength,
});

const conversations = documents.slice(0, 9).map(({ text, language, source }) => ({
  messages: [
    { role: "user" as const, content: "?" },
    { role: "assistant" as const, content: text.slice(0, 20) },
  ],
  language,
  source,
}));
const pairs = documents.slice(0, 5).map(({ text, language, source }, at) => ({
  prompt: [{ role: "user" as const, content: `${at}?` }],
  chosen: text.slice(0, 8),
  rejected: `${text.slice(0, 5)} not`,
  language,
  source,
}));

type Options = Partial<TrainLoopOptions> & Pick<TrainLoopOptions, "engine">;
/** Lets a test see, or spoil, every micro-batch. */
export type Watch = <Source extends BatchSource | PairBatchSource>(source: Source) => Source;

export interface Job {
  readonly name: string;
  readonly gradientAccumulation: number;
  readonly train: (options: Options, watch: Watch) => Promise<TrainedModel>;
}

/** `gradientAccumulation` differs: a step is one call in one, several in the others. */
export function realJobs(shards: () => TokenShards): readonly Job[] {
  const optimizer = defineOptimizer();
  const program = (gradientAccumulation: number, length: number) => ({
    ...{ model, microBatchSize, sequenceLength: length, gradientAccumulation, optimizer },
  });
  const common = () => {
    return {
      initialWeights: seeded(),
      totalSteps,
      schedule: { kind: "cosine", peak: 0.02, warmupSteps: 1, totalSteps } as const,
    };
  };
  const rows = { batchSize: microBatchSize, seed: 3, systemPrompt: null };
  const pretrain = (name: string, gradientAccumulation: number): Job => ({
    name,
    gradientAccumulation,
    train: (options, watch) => {
      const source = createPretrainSource(shards(), { ...rows, split: "train", sequenceLength });
      return trainLanguageModel({
        ...common(),
        ...options,
        program: program(gradientAccumulation, sequenceLength),
        source: watch(source),
      });
    },
  });
  return [
    pretrain("pretraining", 1),
    pretrain("pretraining with accumulation", 3),
    {
      name: "fine-tuning",
      gradientAccumulation: 2,
      train: (options, watch) => {
        const packed = { ...rows, sequenceLength: pairLength, packing: true };
        const source = createConversationSource(conversations, encoder, packed);
        return trainLanguageModel({
          ...common(),
          ...options,
          program: program(2, pairLength),
          source: watch(source),
        });
      },
    },
    {
      name: "preference training",
      gradientAccumulation: 2,
      train: (options, watch) => {
        const lengths = { ...rows, sequenceLength: pairLength, maxPromptLength: 40 };
        const source = createPreferenceSource(pairs, encoder, lengths);
        return trainPreferences({
          ...common(),
          ...options,
          program: { ...program(2, pairLength), beta: 0.5 },
          source: watch(source),
          referenceSource: createPreferenceSource(pairs, encoder, lengths),
          pairCount: source.pairCount,
        });
      },
    },
  ];
}

/** All that a run leaves: weights, moments, data cursor and metrics of its last step, as digests of their files. */
export async function trainToEnd(
  job: Job,
  engine: Engine,
  rig: Rig,
  options: Partial<Options>,
  watch: Watch,
) {
  const { checkpoints, metricsPath } = rig;
  await using _trained = await job.train(
    { engine, metricsPath, ...options, checkpoints: { ...checkpoints, milestone: totalSteps } },
    watch,
  );
  const last = join(checkpoints.directory, `step-${String(totalSteps).padStart(6, "0")}`);
  const digest = async (path: string) =>
    createHash("sha256")
      .update(await readFile(path))
      .digest("hex");
  return {
    weightsAndMoments: await digest(join(last, "state.safetensors")),
    stepAndCursor: await readFile(join(last, "state.json"), "utf8"),
    metrics: await readFile(metricsPath, "utf8"),
  };
}
