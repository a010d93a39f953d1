/**
 * One piece of work on token shards, a process of its own so that its peak memory is its own; prints one JSON line.
 * `write FOLDER GIGABYTES`, `mix FOLDER`, `load FOLDER`, `train FOLDER`, and `plain FOLDER GIGABYTES` for comparison.
 */
import { open } from "node:fs/promises";
import { join } from "node:path";
import { createPretrainSource } from "../src/data/loader/pretrain-source.ts";
import { createRandom } from "../src/data/random.ts";
import { mixShards, trainSplit } from "../src/data/shards/mix-shards.ts";
import { openShards, type TokenShards } from "../src/data/shards/open-shards.ts";
import { packTokens } from "../src/data/shards/shard-format.ts";
import { documentsSplit } from "../src/data/shards/tokenize-documents.ts";
import { createShardWriter } from "../src/data/shards/write-shards.ts";
import { openEngine } from "../src/engine/open-engine.ts";
import { defineLlama } from "../src/model/llama-config.ts";
import { scalar } from "../src/tensor/types.ts";
import { defineOptimizer } from "../src/train/optimizer.ts";
import { pretrainingProgram } from "../src/train/pretraining-program.ts";
import { sequenceValues } from "../src/train/train-language-model.ts";
import { writeInitialWeights } from "./initial-weights.ts";

export interface ShardWork {
  readonly seconds: number;
  readonly tokens: number;
  readonly documents: number;
  readonly peakRssMb: number;
  /** Of all threads. */
  readonly cpuSeconds: number;
  /** Of `train`: seconds in which the loop waited for its batch. */
  readonly waitedSeconds: number;
}

type Done = Pick<ShardWork, "tokens"> & Partial<ShardWork>;

const bytesPerToken = 2;
const vocabSize = 20_000;
const shardTokens = 100_000_000;
const strata = ["en", "zh"].flatMap((language) =>
  ["news", "literature", "education", "sports"].map((category) => ({
    source: "generated",
    language,
    category,
  })),
);

/** Random tokens in documents of log-normal length with the mean of web pages: 1,500 tokens. */
async function write(folder: string, gigabytes: number): Promise<Done> {
  const random = createRandom("shards");
  const pool = packTokens(
    Uint32Array.from({ length: 1 << 22 }, () => random.nextInt(vocabSize)),
    bytesPerToken,
  );
  const writer = await createShardWriter(folder, { tokenizerDigest: "0".repeat(64), vocabSize, shardTokens });
  const wanted = (gigabytes * 1e9) / bytesPerToken;
  let [tokens, documents] = [0, 0];
  while (tokens < wanted) {
    const length = Math.min(1 << 20, Math.ceil(910 * Math.exp(random.nextGaussian())));
    const start = random.nextInt((1 << 22) - length) * bytesPerToken;
    await writer.append({
      split: documentsSplit,
      // In runs, as corpora are sorted.
      stratum: strata[Math.floor((tokens / wanted) * strata.length)] ?? {
        source: "",
        language: "",
        category: "",
      },
      tokens: pool.subarray(start, start + length * bytesPerToken),
      bytes: 4 * length,
      hash: [random.nextUint32(), random.nextUint32()],
    });
    tokens += length;
    documents++;
  }
  await writer.close();
  return { tokens, documents };
}

/** As many bytes in blocks of 1 MiB, synced: what the disk does without any format. */
async function plain(folder: string, gigabytes: number): Promise<Done> {
  const block = Buffer.alloc(1 << 20, 0xa5);
  const file = await open(join(folder, "plain"), "w");
  const blocks = Math.round((gigabytes * 1e9) / block.length);
  for (let index = 0; index < blocks; index++) await file.writeFile(block);
  await file.sync();
  await file.close();
  return { tokens: (blocks * block.length) / bytesPerToken };
}

async function mix(folder: string): Promise<Done> {
  const tokenized = await openShards(join(folder, "tokenized"));
  const rules = ["en", "zh"].map((language) => ({ language, weight: 1 }));
  const { manifest } = await mixShards(tokenized, join(folder, "mixed"), {
    rules,
    seed: 1,
    validationFraction: 0.001,
    shardTokens,
    endOfText: 0,
  });
  await tokenized.close();
  const totals = Object.values(manifest.splits).map((split) => split.totals);
  return {
    tokens: totals.reduce((sum, { tokens }) => sum + tokens, 0),
    documents: totals.reduce((sum, { documents }) => sum + documents, 0),
  };
}

const sourceOf = (shards: TokenShards, batchSize: number, sequenceLength: number) =>
  createPretrainSource(shards, { split: trainSplit, batchSize, sequenceLength, seed: 1 });

/** Batches of 8 × 1,024 from all over the split, one after the other. */
async function load(folder: string): Promise<Done> {
  const shards = await openShards(folder);
  const source = sourceOf(shards, 8, 1024);
  const batches = 5000;
  for (let batch = 0; batch < batches; batch++) await source.next();
  await shards.close();
  return { tokens: batches * 8 * 1024 };
}

/** The loop of training on a small model, whose steps leave the loader less time than any larger one's. */
async function train(folder: string): Promise<Done> {
  const [batchSize, sequenceLength, steps, warmup] = [8, 128, 110, 10];
  const model = defineLlama({
    hiddenSize: 64,
    intermediateSize: 176,
    numLayers: 2,
    numHeads: 4,
    numKvHeads: 4,
    contextLength: sequenceLength,
    vocabSize,
  });
  const { program } = pretrainingProgram({
    model,
    microBatchSize: batchSize,
    sequenceLength,
    gradientAccumulation: 1,
    optimizer: defineOptimizer(),
  });
  const engine = await openEngine();
  await using executable = await engine.compile(program);
  await writeInitialWeights(executable, model);
  const shards = await openShards(folder);
  const source = sourceOf(shards, batchSize, sequenceLength);
  let [waitedMs, start] = [0, 0];
  for (let step = 1; step <= steps; step++) {
    const asked = performance.now();
    if (step === warmup + 1) start = asked;
    const batch = await source.next();
    if (step > warmup) waitedMs += performance.now() - asked;
    await executable.call("trainStep", {
      ...sequenceValues(batch),
      learningRate: scalar(1e-3),
      step: scalar(step),
    });
  }
  const seconds = (performance.now() - start) / 1000;
  await shards.close();
  return {
    tokens: (steps - warmup) * batchSize * sequenceLength,
    seconds,
    waitedSeconds: waitedMs / 1000,
  };
}

const [work = "", folder = "", gigabytes = "1"] = process.argv.slice(2);
const works: Record<string, () => Promise<Done>> = {
  write: () => write(folder, Number(gigabytes)),
  plain: () => plain(folder, Number(gigabytes)),
  mix: () => mix(folder),
  load: () => load(folder),
  train: () => train(folder),
};
const begin = performance.now();
const done = await works[work]?.();
if (done === undefined) throw new Error(`no work ${work}; there are ${Object.keys(works).join(", ")}`);
const { user, system } = process.cpuUsage();
const result: ShardWork = {
  seconds: (performance.now() - begin) / 1000,
  documents: 0,
  waitedSeconds: 0,
  cpuSeconds: (user + system) / 1e6,
  peakRssMb: process.resourceUsage().maxRSS / 1024,
  ...done,
};
console.log(JSON.stringify(result));
