/** Aligns the fine-tuned model by direct preference optimisation; some pairs are held out to measure it. */
import { z } from "zod";
import { createPreferenceSource } from "../src/data/loader/preference-source.ts";
import { isHeldOutPair } from "../src/data/documents/split.ts";
import { openDevices } from "../src/engine/open-devices.ts";
import { heldOutPreferences } from "../src/evaluate/held-out-preferences.ts";
import { loadLlama } from "../src/model/llama-files.ts";
import { defineStage } from "../src/pipeline/index.ts";
import { collect } from "../src/std/collect.ts";
import { defineOptimizer } from "../src/train/optimizer.ts";
import { trainPreferences } from "../src/train/train-preferences.ts";
import { DpoCheckpoint, SftCheckpoint } from "./checkpoint-artifact.ts";
import { PreferencesArtifact } from "./dataset-artifacts.ts";
import { engineFact } from "./engine-fact.ts";
import { systemPrompt } from "./special-tokens.ts";
import { TokenizerArtifact } from "./tokenizer-artifact.ts";
import { devicesOf, trainingContext } from "./training-context.ts";
import {
  batchParams,
  devicesHaveWork,
  lossGuardParams,
  optimizerParams,
  runtimeParamNames,
  runtimeParams,
  scheduleOver,
  scheduleParams,
  stepsOf,
  trainingResources,
} from "./training-params.ts";

export const dpo = defineStage({
  name: "dpo",
  description: "align the fine-tuned model with preference pairs",
  inputs: { policy: SftCheckpoint, preferences: PreferencesArtifact, tokenizer: TokenizerArtifact },
  outputs: { checkpoint: DpoCheckpoint },
  params: z
    .strictObject({
      seed: z.int(),
      beta: z.number().positive().describe("how dear it is to leave the reference model"),
      epochs: z.number().positive(),
      heldOutFraction: z.number().gt(0).lt(1).default(0.1).describe("share of prompts that only measure"),
      maxLength: z
        .int()
        .positive()
        .describe("tokens of prompt and answer; at most the model's contextLength"),
      maxPromptLength: z.int().positive().describe("pairs with a longer prompt are dropped"),
      ...batchParams,
      schedule: scheduleParams,
      optimizer: optimizerParams,
      lossGuard: lossGuardParams,
      ...runtimeParams,
    })
    .check(devicesHaveWork),
  runtimeParams: runtimeParamNames,
  resources: trainingResources,
  environment: engineFact,
  async run({ inputs, outputs, params, context }) {
    const { policy, preferences, tokenizer } = inputs;
    const {
      microBatchSize,
      gradientAccumulation,
      maxLength: sequenceLength,
      maxPromptLength,
      seed,
      beta,
    } = params;
    await using files = await loadLlama(policy.directory);
    const encoder = tokenizer.createEncoder();
    const pairs = await collect(preferences.preferences());
    const [heldOut, training] = partition(pairs, (pair) => isHeldOutPair(pair, params.heldOutFraction));
    const options = { batchSize: microBatchSize, sequenceLength, maxPromptLength, seed, systemPrompt };
    const source = createPreferenceSource(training, encoder, options);
    const referenceSource = createPreferenceSource(training, encoder, options);
    // Before training: that nothing is held out must not show after hours.
    const heldOutSource = createPreferenceSource(heldOut, encoder, options);
    const totalSteps = stepsOf(params, source.pairCount);
    const loop = trainingContext(context, params);
    const engine = await openDevices(devicesOf(params, context));
    await using trained = await trainPreferences({
      engine,
      program: {
        model: files.config,
        microBatchSize,
        sequenceLength,
        gradientAccumulation,
        recompute: params.recompute,
        precision: params.precision,
        optimizer: defineOptimizer(params.optimizer),
        beta,
      },
      source,
      referenceSource,
      pairCount: source.pairCount,
      initialWeights: { kind: "safetensors", path: policy.weightsPath },
      totalSteps,
      schedule: scheduleOver(totalSteps, params.schedule),
      lossGuard: params.lossGuard,
      ...loop,
    });
    const record = await (
      await outputs.checkpoint.create()
    ).save({
      stage: "dpo",
      trained,
      engine: engine.identity,
      peakLearningRate: params.schedule.peak,
      data: {
        pairs: source.pairCount,
        heldOutPairs: heldOutSource.pairCount,
        truncated: source.truncated,
        droppedPromptTooLong: source.dropped.promptTooLong,
        droppedIdentical: source.dropped.identical,
        droppedWithoutAnswer: source.dropped.noAnswer,
      },
      metricsPath: loop.metricsPath,
      tokenizerJson: tokenizer.json,
      before: policy.trainings,
      measure: async (directory) => {
        const models = { policy: directory, reference: policy.directory };
        return { ...(await heldOutPreferences(engine, models, heldOutSource, beta)) };
      },
    });
    return { checkpoint: outputs.checkpoint.written(record) };
  },
});

function partition<Item>(items: readonly Item[], test: (item: Item) => boolean): [Item[], Item[]] {
  return [items.filter(test), items.filter((item) => !test(item))];
}
