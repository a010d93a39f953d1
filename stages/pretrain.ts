/** Trains the base model from seeded random weights on the shards' training split. */
import { z } from "zod";
import { createPretrainSource } from "../src/data/loader/pretrain-source.ts";
import { createRandom } from "../src/data/random.ts";
import { trainSplit } from "../src/data/shards/mix-shards.ts";
import { openDevices } from "../src/engine/open-devices.ts";
import { defineLlama } from "../src/model/llama-config.ts";
import { defineStage } from "../src/pipeline/index.ts";
import { defineOptimizer } from "../src/train/optimizer.ts";
import { lastExtendableStep, sharedSteps } from "../src/train/schedules.ts";
import { trainLanguageModel } from "../src/train/train-language-model.ts";
import { BaseCheckpoint } from "./checkpoint-artifact.ts";
import { engineFact } from "./engine-fact.ts";
import { ShardsArtifact } from "./shard-artifacts.ts";
import { endOfText } from "./special-tokens.ts";
import { TokenizerArtifact } from "./tokenizer-artifact.ts";
import { devicesOf, trainingContext } from "./training-context.ts";
import {
  batchParams,
  devicesHaveWork,
  lossGuardParams,
  modelParams,
  optimizerParams,
  runtimeParamNames,
  runtimeParams,
  scheduleOver,
  scheduleParams,
  trainingResources,
} from "./training-params.ts";

const planOf = ({ steps, schedule }: { steps: number; schedule: z.infer<typeof scheduleParams> }) => ({
  totalSteps: steps,
  schedule: scheduleOver(steps, schedule),
});

export const pretrain = defineStage({
  name: "pretrain",
  description: "train the base model on the shards",
  inputs: { shards: ShardsArtifact, tokenizer: TokenizerArtifact },
  outputs: { checkpoint: BaseCheckpoint },
  params: z
    .strictObject({
      model: modelParams,
      seed: z.int().describe("decides initial weights and the order of the data"),
      steps: z.int().positive().describe("optimizer steps"),
      ...batchParams,
      intraDocumentMask: z
        .boolean()
        .default(false)
        .describe("whether tokens see their own document only, not what stands before it in the row"),
      schedule: scheduleParams,
      optimizer: optimizerParams,
      lossGuard: lossGuardParams,
      ...runtimeParams,
    })
    .check(devicesHaveWork)
    .check(({ value: { steps, schedule }, issues }) => {
      const { warmupSteps = 0 } = schedule;
      if (warmupSteps > steps)
        issues.push({
          code: "custom",
          input: steps,
          path: ["steps"],
          message: `are fewer than the ${warmupSteps} steps of warmup`,
        });
    }),
  runtimeParams: runtimeParamNames,
  extension: {
    params: ["steps"],
    sharedSteps: (earlier, later) => sharedSteps(planOf(earlier), planOf(later)),
  },
  resources: trainingResources,
  environment: engineFact,
  async run({ inputs, outputs, params, context }) {
    const { shards, tokenizer } = inputs;
    const { microBatchSize, gradientAccumulation, recompute, precision, seed, intraDocumentMask } = params;
    const model = defineLlama({ ...params.model, vocabSize: tokenizer.vocabSize });
    const sequenceLength = model.contextLength;
    const source = createPretrainSource(shards, {
      split: trainSplit,
      batchSize: microBatchSize,
      sequenceLength,
      seed,
      ...(intraDocumentMask ? { endOfText: tokenizer.createEncoder().specialTokenId(endOfText) } : {}),
    });
    const optimizer = defineOptimizer(params.optimizer);
    const plan = planOf(params);
    const loop = trainingContext(context, params, lastExtendableStep(plan.schedule, plan.totalSteps));
    const engine = await openDevices(devicesOf(params, context));
    await using trained = await trainLanguageModel({
      engine,
      program: {
        model,
        microBatchSize,
        sequenceLength,
        gradientAccumulation,
        recompute,
        precision,
        optimizer,
        intraDocumentMask,
      },
      source,
      initialWeights: {
        kind: "seeded",
        createGaussians: () => {
          const random = createRandom(seed).fork("initial weights");
          return () => random.nextGaussian();
        },
      },
      ...plan,
      lossGuard: params.lossGuard,
      ...loop,
    });
    const record = await (
      await outputs.checkpoint.create()
    ).save({
      stage: "pretrain",
      trained,
      engine: engine.identity,
      peakLearningRate: params.schedule.peak,
      data: {
        trainTokens: shards.manifest.splits[trainSplit]?.totals.tokens ?? 0,
        epochs: trained.tokensSeen / (source.windows * sequenceLength),
      },
      metricsPath: loop.metricsPath,
      tokenizerJson: tokenizer.json,
      before: [],
    });
    return { checkpoint: outputs.checkpoint.written(record) };
  },
});
