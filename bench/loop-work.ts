/**
 * `loop-work.mjs FOLDER STEPS CHECKPOINT_EVERY HIDDEN LAYERS VOCAB CONTEXT BATCH HEADS KV INTERMEDIATE`: pretraining as the stage
 * does it, from shards that are written first, with checkpoints, metrics and progress. A process of its own; prints one JSON line.
 */
import { join } from "node:path";
import { createPretrainSource } from "../src/data/loader/pretrain-source.ts";
import { createRandom } from "../src/data/random.ts";
import { openShards } from "../src/data/shards/open-shards.ts";
import { packTokens } from "../src/data/shards/shard-format.ts";
import { documentsSplit } from "../src/data/shards/tokenize-documents.ts";
import { createShardWriter } from "../src/data/shards/write-shards.ts";
import type { Engine } from "../src/engine/engine.ts";
import { openEngine } from "../src/engine/open-engine.ts";
import { countParameters } from "../src/model/llama-parameters.ts";
import { defineOptimizer } from "../src/train/optimizer.ts";
import { trainLanguageModel } from "../src/train/train-language-model.ts";
import { trainingContext } from "../stages/training-context.ts";
import { jobSizes } from "./job-sizes.ts";

export interface LoopWork {
  readonly system: string;
  readonly parameters: number;
  /** From the end of the first step, which prepares the graph, to the end of the last one and all that belongs to it. */
  readonly loopMs: number;
  /** Of that, within the engine's calls that take steps. */
  readonly stepsMs: number;
  readonly checkpoints: number;
}

const [folder = "", ...numbers] = process.argv.slice(2);
const [totalSteps = 0, checkpointEverySteps = 0, ...sizes] = numbers.map(Number);
const { model, microBatchSize } = jobSizes(sizes);
const { contextLength, vocabSize } = model;
const times = { stepsMs: 0, firstStepEnd: NaN, checkpoints: 0 };

await writeShards(join(folder, "shards"), 2_000_000);
const shards = await openShards(join(folder, "shards"));
const engine = await openEngine();
const context = trainingContext(
  {
    signal: new AbortController().signal,
    checkpointDirectory: join(folder, "checkpoints"),
    downloadsDirectory: join(folder, "downloads"),
    // Through a channel, as a stage tells its runner.
    progress: (progress) => void process.send?.(progress),
    log: (line) => void process.send?.({ line }),
    checkpointed: (step) => void process.send?.({ step }),
    remark: (line) => void process.send?.({ line }),
  },
  { checkpointEverySteps, keepCheckpoints: 2 },
);
{
  await using _trained = await trainLanguageModel({
    engine: timed(engine),
    program: {
      model,
      microBatchSize,
      sequenceLength: contextLength,
      gradientAccumulation: 1,
      optimizer: defineOptimizer(),
    },
    source: createPretrainSource(shards, {
      split: documentsSplit,
      batchSize: microBatchSize,
      sequenceLength: contextLength,
      seed: 1,
    }),
    initialWeights: {
      kind: "seeded",
      createGaussians: () => {
        const random = createRandom("initial weights");
        return () => random.nextGaussian();
      },
    },
    totalSteps,
    schedule: { kind: "cosine", peak: 1e-3, warmupSteps: 10, totalSteps },
    ...context,
    onNotice(notice) {
      context.onNotice?.(notice);
      if (notice.kind === "checkpointed") times.checkpoints++;
    },
  });
  const { stepsMs, checkpoints } = times;
  const { kind, version, device } = engine.identity;
  const work: LoopWork = {
    system: `${kind} ${version} on the ${device}`,
    parameters: countParameters(model),
    loopMs: performance.now() - times.firstStepEnd,
    stepsMs,
    checkpoints,
  };
  console.log(JSON.stringify(work));
}
await shards.close();
if (process.connected) process.disconnect();

/** The engine, with a clock beside its steps. */
function timed(inner: Engine): Engine {
  return {
    ...inner,
    async compile(program) {
      const executable = await inner.compile(program);
      return {
        async call(name, feeds) {
          const start = performance.now();
          const results = await executable.call(name, feeds);
          const end = performance.now();
          if (Number.isNaN(times.firstStepEnd)) times.firstStepEnd = end;
          else times.stepsMs += end - start;
          return results;
        },
        readVariable: (name) => executable.readVariable(name),
        writeVariable: (name, value) => executable.writeVariable(name, value),
        [Symbol.asyncDispose]: () => executable[Symbol.asyncDispose](),
      };
    },
  };
}

/** Random tokens in documents of 1,000. */
async function writeShards(path: string, tokens: number): Promise<void> {
  const random = createRandom("shards");
  const writer = await createShardWriter(path, {
    tokenizerDigest: "0".repeat(64),
    vocabSize,
    shardTokens: 100_000_000,
  });
  const length = 1000;
  for (let written = 0; written < tokens; written += length)
    await writer.append({
      split: documentsSplit,
      stratum: { source: "generated", language: "en", category: "text" },
      tokens: packTokens(
        Uint32Array.from({ length }, () => random.nextInt(vocabSize)),
        2,
      ),
      bytes: 4 * length,
      hash: [random.nextUint32(), random.nextUint32()],
    });
  await writer.close();
}
