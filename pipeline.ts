/** The whole pipeline: each line is a stage, what it reads, and its part of the recipe (configs/*.yaml). */
import { z } from "zod";
import { definePipeline, type RefOf } from "./src/pipeline/index.ts";
import * as stages from "./stages/index.ts";
import { prepareEngine } from "./stages/prepare-engine.ts";
import { presentCheckpoints } from "./stages/present-checkpoint.ts";
import { presentDatasets } from "./stages/present-dataset.ts";

const Config = z
  .strictObject({
    downloadSample: stages.downloadSample.params,
    trainTokenizer: stages.trainTokenizer.params,
    /** Takes the place of training one. */
    tokenizer: stages.importTokenizer.params.optional(),
    tokenize: stages.tokenize.params,
    shard: stages.shard.params,
    pretrain: stages.pretrain.params,
    sft: stages.sft.params,
    dpo: stages.dpo.params,
    eval: stages.evaluate.params,
    export: stages.exportModel.params,
    sweep: stages.sweepParams.optional(),
  })
  .check(stages.sequencesFit)
  .check(stages.heldOutFiltered);

export default definePipeline(
  "minilm",
  Config,
  (p, config) => {
    const data = p.add(stages.downloadSample, { inputs: {}, params: config.downloadSample });
    const { corpus, conversations, preferences, questions } = data;
    const { tokenizer } = config.tokenizer
      ? p.add(stages.importTokenizer, { inputs: { corpus }, params: config.tokenizer })
      : p.add(stages.trainTokenizer, { inputs: { corpus }, params: config.trainTokenizer });
    const { tokens } = p.add(stages.tokenize, { inputs: { corpus, tokenizer }, params: config.tokenize });
    const { shards } = p.add(stages.shard, { inputs: { tokens, tokenizer }, params: config.shard });

    const { checkpoint: base } = p.add(stages.pretrain, {
      inputs: { shards, tokenizer },
      params: config.pretrain,
    });
    const { checkpoint: policy } = p.add(stages.sft, {
      inputs: { base, conversations, tokenizer },
      params: config.sft,
    });
    const { checkpoint: model } = p.add(stages.dpo, {
      inputs: { policy, preferences, tokenizer },
      params: config.dpo,
    });

    const scoresOf = (id: string, checkpoint: RefOf<typeof stages.AnyCheckpoint>) =>
      p.add(stages.evaluate, {
        id,
        inputs: { model: checkpoint, shards, questions, tokenizer },
        params: config.eval,
      }).scores;
    const baseScores = scoresOf("eval-base", base);
    const sftScores = scoresOf("eval-sft", policy);
    const scores = scoresOf("eval", model);

    // Variants of pretraining beside the main line; `npx pipeline metrics eval-base@` compares them.
    if (config.sweep)
      p.matrix(config.sweep, (q, { peak, seed }) => {
        const { schedule } = config.pretrain;
        const { checkpoint: model } = q.add(stages.pretrain, {
          inputs: { shards, tokenizer },
          params: { ...config.pretrain, seed, schedule: { ...schedule, peak } },
        });
        q.add(stages.evaluate, {
          id: "eval-base",
          inputs: { model, shards, questions, tokenizer },
          params: config.eval,
        });
      });

    const { bundle } = p.add(stages.exportModel, {
      inputs: { model, tokenizer, ...data, baseScores, sftScores, scores },
      params: config.export,
    });
    return { bundle, scores };
  },
  {
    defaultConfig: "configs/tiny.yaml",
    prepare: prepareEngine,
    present: { ...presentCheckpoints, ...presentDatasets },
  },
);
