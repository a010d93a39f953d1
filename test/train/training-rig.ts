/** A tiny model with tiny data to run whole trainings on, in a folder of its own. */
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Batch, BatchSource, PairBatchSource } from "../../src/data/batch.ts";
import { createRandom } from "../../src/data/random.ts";
import type { Engine } from "../../src/engine/engine.ts";
import { defineLlama } from "../../src/model/llama-config.ts";
import { defineOptimizer } from "../../src/train/optimizer.ts";
import { trainLanguageModel, type TrainLanguageModelOptions } from "../../src/train/train-language-model.ts";
import { trainPreferences, type TrainPreferencesOptions } from "../../src/train/train-preferences.ts";

export const model = defineLlama({
  hiddenSize: 16,
  intermediateSize: 24,
  numLayers: 1,
  numHeads: 2,
  numKvHeads: 1,
  vocabSize: 32,
  contextLength: 12,
});
const [batchSize, sequenceLength] = [2, 12];
const optimizer = defineOptimizer();
export const totalSteps = 7;

export function batchOf(label: string): Batch {
  const random = createRandom(label);
  const tokens = Int32Array.from({ length: batchSize * sequenceLength }, () =>
    random.nextInt(model.vocabSize),
  );
  return {
    batchSize,
    sequenceLength,
    inputs: tokens,
    targets: tokens.map((id) => (id * 3 + 1) % model.vocabSize),
    lossMask: Float32Array.from(tokens, (_, index) => Number(index % 5 !== label.length % 5)),
  };
}

/** Gives each batch by its number, so that a wrong cursor shows in the weights. */
export function numberedBatches(): BatchSource & { readonly given: number[] } {
  let position = 0;
  const given: number[] = [];
  return {
    given,
    next() {
      given.push(position);
      return Promise.resolve(batchOf(`batch ${position++}`));
    },
    cursor: () => ({ position }),
    seek(cursor) {
      position = Number(cursor["position"]);
    },
  };
}

export const pairCount = 6;

export function numberedPairs(): PairBatchSource {
  let position = 0;
  return {
    next() {
      const first = (position++ * batchSize) % pairCount;
      return Promise.resolve({
        batchSize,
        sequenceLength,
        chosen: batchOf(`chosen ${first}`),
        rejected: batchOf(`rejected ${first}`),
        indices: Int32Array.of(first, first + 1),
      });
    },
    cursor: () => ({ position }),
    seek(cursor) {
      position = Number(cursor["position"]);
    },
  };
}

export const seeded = () => ({
  kind: "seeded" as const,
  createGaussians: () => {
    const random = createRandom("weights");
    return () => random.nextGaussian();
  },
});

const schedule = { kind: "cosine", peak: 0.02, warmupSteps: 2, totalSteps } as const;

export interface Rig extends AsyncDisposable {
  readonly folder: string;
  readonly checkpoints: { readonly directory: string; readonly everySteps: number };
  readonly metricsPath: string;
}

export const createRig = async (): Promise<Rig> => rigIn(await mkdtemp(join(tmpdir(), "training-")));

export const rigIn = (folder: string): Rig => ({
  folder,
  checkpoints: { directory: join(folder, "checkpoints"), everySteps: 2 },
  metricsPath: join(folder, "metrics.jsonl"),
  [Symbol.asyncDispose]: () => rm(folder, { recursive: true }),
});

export type Change<Options> = Partial<Options> & { readonly gradientAccumulation?: number };

/** Trains in the rig's folder and returns the bytes of the final weights. */
export async function trainTiny(
  engine: Engine,
  { folder, checkpoints, metricsPath }: Rig,
  { gradientAccumulation = 1, ...change }: Change<TrainLanguageModelOptions> = {},
): Promise<Buffer> {
  await using trained = await trainLanguageModel({
    engine,
    program: { model, microBatchSize: batchSize, sequenceLength, gradientAccumulation, optimizer },
    initialWeights: seeded(),
    source: numberedBatches(),
    totalSteps,
    schedule,
    checkpoints,
    metricsPath,
    ...change,
  });
  await trained.saveWeights(folder);
  return await readFile(join(folder, "model.safetensors"));
}

export async function trainTinyPreferences(
  engine: Engine,
  { folder, checkpoints, metricsPath }: Rig,
  { gradientAccumulation = 1, ...change }: Change<TrainPreferencesOptions> = {},
): Promise<Buffer> {
  await using trained = await trainPreferences({
    engine,
    program: { model, microBatchSize: batchSize, sequenceLength, gradientAccumulation, optimizer, beta: 0.5 },
    initialWeights: seeded(),
    source: numberedPairs(),
    referenceSource: numberedPairs(),
    pairCount,
    totalSteps,
    schedule,
    checkpoints,
    metricsPath,
    ...change,
  });
  await trained.saveWeights(folder);
  return await readFile(join(folder, "model.safetensors"));
}
