/** The TensorFlow nodes of every graph that is made here: training of each recipe, checkpoints, scoring, decoding. */
import { readdirSync } from "node:fs";
import { dirname, join } from "node:path";
import { programOf, trainingRecipe, trainingStages } from "../../../../src/cli/estimate/training-recipe.ts";
import type { Engine } from "../../../../src/engine/engine.ts";
import { openEngine } from "../../../../src/engine/open-engine.ts";
import { lowerProgram } from "../../../../src/engine/tensorflow/lower-program.ts";
import type { TfNode } from "../../../../src/engine/tensorflow/tf-graph.ts";
import { createInferenceModel } from "../../../../src/evaluate/inference-model.ts";
import { createNextTokenModel } from "../../../../src/evaluate/next-token-model.ts";
import { loadLlama } from "../../../../src/model/llama-files.ts";
import { recomputeChoices } from "../../../../src/model/llama.ts";
import { precisionChoices } from "../../../../src/model/precision.ts";
import { loadConfig } from "../../../../src/pipeline/config-load.ts";
import { optimizeProgram } from "../../../../src/tensor/optimize.ts";
import type { Program } from "../../../../src/tensor/program.ts";
import { dpoProgram } from "../../../../src/train/dpo-program.ts";
import { pretrainingProgram } from "../../../../src/train/pretraining-program.ts";
import pipeline from "../../../../pipeline.ts";
import { goldenPath } from "../../../model/golden-llama.ts";

const combinations = recomputeChoices.flatMap((recompute) =>
  precisionChoices.map((precision) => [recompute, precision] as const),
);

const projectRoot = join(import.meta.dirname, "../../../..");

/** The graph is lowered as the executor lowers it; it holds the reads and writes of checkpoints too. */
export const tensorflowNodes = (program: Program): readonly TfNode[] =>
  lowerProgram(optimizeProgram(program)).graph.nodes;

/** Training of every recipe in configs/, and of the first one with every option of a training program. */
export async function trainingPrograms(): Promise<ReadonlyMap<string, Program>> {
  const programs = new Map<string, Program>();
  for (const file of readdirSync(join(projectRoot, "configs")).filter((name) => name.endsWith(".yaml"))) {
    const loaded = await loadConfig({
      projectRoot,
      file: join("configs", file),
      schema: pipeline.config,
    });
    const recipe = trainingRecipe(loaded.value);
    for (const stage of trainingStages) {
      const { program, options } = programOf(recipe, stage);
      programs.set(`${stage} of ${file}`, program);
      if (file !== "tiny.yaml") continue;
      for (const gradientAccumulation of [1, 2])
        for (const [recompute, precision] of combinations) {
          const all = { ...options, gradientAccumulation, recompute, precision };
          const name = `${stage} by ${gradientAccumulation}, recomputing ${recompute}, in ${precision}`;
          if (stage === "dpo") programs.set(name, dpoProgram({ ...all, beta: 0.1 }).program);
          else {
            programs.set(name, pretrainingProgram(all).program);
            const masked = pretrainingProgram({ ...all, intraDocumentMask: true });
            programs.set(`${name}, within documents`, masked.program);
          }
        }
    }
  }
  return programs;
}

/** What a finished model is compiled to: token losses, prefill and decoding, of one text and of several. */
export async function inferencePrograms(): Promise<ReadonlyMap<string, Program>> {
  const programs = new Map<string, Program>();
  const engine = await openEngine({ kind: "cpu" });
  for (const parallelTexts of [1, 3]) {
    const recording = (name: string): Engine => ({
      identity: engine.identity,
      compile(program) {
        programs.set(`${name} on ${parallelTexts} texts`, program);
        return engine.compile(program);
      },
    });
    await using files = await loadLlama(dirname(goldenPath("model.safetensors")));
    const sizes = { batchSize: 2, sequenceLength: 24, parallelTexts };
    await using _model = await createInferenceModel(recording("inference"), files, sizes);
    const cut = { parallelTexts, parts: 2 };
    await using _decoding = await createNextTokenModel(recording("decoding in parts"), files, cut);
  }
  return programs;
}
