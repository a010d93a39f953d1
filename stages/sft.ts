/** Fine-tunes the base model on conversations: only assistant turns are supervised, their `<|im_end|>` included. */
import { z } from "zod";
import { createConversationSource } from "../src/data/loader/conversation-source.ts";
import { openDevices } from "../src/engine/open-devices.ts";
import { loadLlama } from "../src/model/llama-files.ts";
import { defineStage } from "../src/pipeline/index.ts";
import { collect } from "../src/std/collect.ts";
import { defineOptimizer } from "../src/train/optimizer.ts";
import { trainLanguageModel } from "../src/train/train-language-model.ts";
import { BaseCheckpoint, SftCheckpoint } from "./checkpoint-artifact.ts";
import { ConversationsArtifact } from "./dataset-artifacts.ts";
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

export const sft = defineStage({
  name: "sft",
  description: "fine-tune the base model on conversations",
  inputs: { base: BaseCheckpoint, conversations: ConversationsArtifact, tokenizer: TokenizerArtifact },
  outputs: { checkpoint: SftCheckpoint },
  params: z
    .strictObject({
      seed: z.int(),
      epochs: z.number().positive(),
      sequenceLength: z.int().positive().describe("tokens of a row; at most the model's contextLength"),
      packing: z.boolean().default(true).describe("several short conversations in one row"),
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
    const { base, conversations, tokenizer } = inputs;
    const { microBatchSize, gradientAccumulation, sequenceLength, seed, packing } = params;
    await using files = await loadLlama(base.directory);
    const source = createConversationSource(
      await collect(conversations.conversations()),
      tokenizer.createEncoder(),
      {
        batchSize: microBatchSize,
        sequenceLength,
        seed,
        packing,
        systemPrompt,
      },
    );
    const totalSteps = stepsOf(params, source.rows);
    const loop = trainingContext(context, params);
    const engine = await openDevices(devicesOf(params, context));
    await using trained = await trainLanguageModel({
      engine,
      program: {
        model: files.config,
        microBatchSize,
        sequenceLength,
        gradientAccumulation,
        recompute: params.recompute,
        precision: params.precision,
        optimizer: defineOptimizer(params.optimizer),
      },
      source,
      initialWeights: { kind: "safetensors", path: base.weightsPath },
      totalSteps,
      schedule: scheduleOver(totalSteps, params.schedule),
      lossGuard: params.lossGuard,
      ...loop,
    });
    const record = await (
      await outputs.checkpoint.create()
    ).save({
      stage: "sft",
      trained,
      engine: engine.identity,
      peakLearningRate: params.schedule.peak,
      data: {
        conversations: source.conversations,
        truncated: source.truncated,
        droppedWithoutAnswer: source.dropped.noAnswer,
      },
      metricsPath: loop.metricsPath,
      tokenizerJson: tokenizer.json,
      before: base.trainings,
    });
    return { checkpoint: outputs.checkpoint.written(record) };
  },
});
