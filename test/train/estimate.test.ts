import { expect, test } from "vitest";
import { defineLlama, type LlamaShape } from "../../src/model/llama-config.ts";
import type { Recompute } from "../../src/model/llama.ts";
import { charactersPerToken, estimateDisk } from "../../src/train/estimate-disk.ts";
import { estimateOn, gradientBytesPerSecond } from "../../src/train/estimate-devices.ts";
import { trainingCost } from "../../src/train/estimate-memory.ts";
import { countByPart, naiveCount, trainingFlopsPerToken } from "../../src/train/estimate-parameters.ts";
import { estimateStage, firstThatFits } from "../../src/train/estimate-stage.ts";
import { predictSpeed } from "../../src/train/measure-training.ts";
import { defineOptimizer } from "../../src/train/optimizer.ts";
import { pretrainingProgram } from "../../src/train/pretraining-program.ts";
import type { TrainingProgramOptions } from "../../src/train/training-program.ts";

const smol = { hiddenSize: 576, intermediateSize: 1536, numLayers: 30, numHeads: 9, numKvHeads: 3 };
const miniLm = defineLlama({ ...smol, vocabSize: 20_000, contextLength: 1024 });
const tinyShape: LlamaShape = {
  hiddenSize: 4,
  intermediateSize: 6,
  numLayers: 1,
  numHeads: 2,
  numKvHeads: 1,
  vocabSize: 10,
  contextLength: 3,
};
const tiny = (change: Partial<TrainingProgramOptions> = {}): TrainingProgramOptions => ({
  model: defineLlama(tinyShape),
  microBatchSize: 1,
  sequenceLength: 3,
  gradientAccumulation: 1,
  optimizer: defineOptimizer(),
  ...change,
});
const float = 4;

test("MiniLM and SmolLM2-135M have the parameters that they are known for", () => {
  expect(countByPart(miniLm)).toEqual({
    embedding: 11_520_000, // 20,000 · 576
    attention: 26_542_080, // 30 · (2 · 576² + 2 · 192 · 576)
    feedForward: 79_626_240, // 30 · 3 · 576 · 1,536
    norms: 35_136, // 61 · 576
    total: 117_723_456,
  });
  const published = defineLlama({ ...smol, vocabSize: 49_152, contextLength: 2048 });
  expect(countByPart(published).total).toBe(134_515_008);
});

test("the rule of thumb for other blocks is off by a third of the feed-forward block", () => {
  expect(naiveCount(miniLm)).toBe(91_216_512);
});

test("a token takes six operations a parameter and twelve a layer, width and position", () => {
  expect(trainingFlopsPerToken(miniLm, 1024)).toBe(6 * 117_723_456 + 12 * 30 * 576 * 1024);
});

test("the program's products are those of the formula, but for the norms", () => {
  const model = defineLlama({
    ...tinyShape,
    hiddenSize: 32,
    intermediateSize: 64,
    vocabSize: 96,
    contextLength: 16,
  });
  const { flopsPerToken } = estimateStage(pretrainingProgram(tiny({ model, sequenceLength: 16 })));
  expect(flopsPerToken).toBe(trainingFlopsPerToken(model, 16) - 6 * countByPart(model).norms);
});

test("what the backward pass reads of a tiny model is what a count by hand gives", () => {
  // N = 3 tokens, C = 4, F = 6, H = 2 heads of D = 2, one key/value head, V = 10.
  const firstNorm = 12 + 3 + 12 + 12; // x, 1/√mean x² a row, x normalised, times gain
  const attentionWeights = 18; // (2, 3, 3)
  const attention = 12 + 6 + attentionWeights + 6 + 12; // queries, keys, weights, values, mixed
  const secondNorm = 12 + 3 + 12 + 12;
  const feedForward = 5 * 18; // gate, σ(gate), silu, up, silu · up
  const lastNorm = 12 + 3 + 12 + 12;
  const lossScale = 1; // 1 / supervised tokens
  const logits = 30;
  const floats = firstNorm + attention + secondNorm + feedForward + lastNorm + lossScale + logits;
  expect(trainingCost(pretrainingProgram(tiny())).keptForBackward).toBe(floats * float);

  // Without the weights of attention, σ(gate) and silu.
  const activations = trainingCost(pretrainingProgram(tiny({ recompute: "activations" })));
  expect(activations.keptForBackward).toBe((floats - attentionWeights - 2 * 18) * float);

  // Of a block that is computed again, only what went in is left.
  const again = trainingCost(pretrainingProgram(tiny({ recompute: "blocks" })));
  expect(again.keptForBackward).toBe((12 + lastNorm + lossScale + logits) * float);
});

test("variables are weights, two moments, and accumulators where a step has several micro-batches", () => {
  const parameters = countByPart(defineLlama(tinyShape)).total;
  const once = trainingCost(pretrainingProgram(tiny())).memory;
  expect(once).toMatchObject({
    weights: float * parameters,
    moments: 2 * float * parameters,
    accumulators: 0,
  });
  const twice = trainingCost(pretrainingProgram(tiny({ gradientAccumulation: 2 }))).memory;
  expect(twice.accumulators).toBe(float * (parameters + 2)); // gradients, weight and loss
  for (const { weights, moments, accumulators, activations, logits, working, total } of [once, twice])
    expect(weights + moments + accumulators + activations + logits + working).toBe(total);
});

test("blocks computed again take a fraction of the memory, and most of a third more work", () => {
  const model = defineLlama({
    ...tinyShape,
    hiddenSize: 32,
    intermediateSize: 86,
    numLayers: 12,
    contextLength: 32,
  });
  const options = tiny({ model, sequenceLength: 32, microBatchSize: 4 });
  const [kept, again] = [options, { ...options, recompute: "blocks" as const }].map((each) =>
    estimateStage(pretrainingProgram(each)),
  );
  const held = (estimate = kept) => (estimate?.memory.activations ?? 0) + (estimate?.memory.working ?? 0);
  expect(held(again)).toBeLessThan(held(kept) / 3);
  const more = (again?.flopsPerToken ?? 0) / (kept?.flopsPerToken ?? 1);
  expect(more).toBeGreaterThan(1.2); // the last product of a block is not needed again
  expect(more).toBeLessThan(4 / 3);
});

test("the same step in less memory: more computed again, then fewer rows at once, and as many in all", () => {
  const shape = { ...tinyShape, hiddenSize: 32, intermediateSize: 86, numLayers: 12, contextLength: 32 };
  const model = defineLlama(shape);
  const options = tiny({ model, sequenceLength: 32, microBatchSize: 6, gradientAccumulation: 2 });
  const economies = [
    { recompute: "activations", microBatchSize: 6, gradientAccumulation: 2 },
    { recompute: "blocks", microBatchSize: 6, gradientAccumulation: 2 },
    { recompute: "blocks", microBatchSize: 3, gradientAccumulation: 4 },
  ] as const;
  const needed = economies.map(
    (economy) => trainingCost(pretrainingProgram({ ...options, ...economy })).memory.total,
  );
  expect(needed).toEqual([...needed].sort((a, b) => b - a));
  for (const [index, bytes] of needed.entries())
    expect(firstThatFits(options, pretrainingProgram, bytes)).toEqual({ economy: economies[index], bytes });
  expect(firstThatFits(options, pretrainingProgram, 10)).toBeUndefined();
});

test("a device's tokens a second are its share of the peak by the work of a token", () => {
  const device = {
    name: "some",
    memoryBytes: 10e9,
    tf32FlopsPerSecond: 30e12,
    bf16FlopsPerSecond: 60e12,
  };
  const choice = (recompute: Recompute, memoryBytes: number, flopsPerToken = 9e8) => ({
    recompute,
    memoryBytes,
    flopsPerToken,
  });
  const pretrain = { stage: "pretrain", choices: [choice("none", 9e9)] as const };
  const work = { tokens: 3.6e9, tokensPerStep: 10_000, gradientBytes: 6e8, devices: 1, pretrain, tuning: [] };
  expect(estimateOn(device, work)).toEqual({
    device: "some",
    memoryBytes: 10e9,
    needs: [],
    tooLarge: [],
    tokensPerSecond: 10_000,
    tokensPerDay: 864_000_000,
    hours: 100,
  });
  // Nine tenths of the memory are there to use. What takes least work of what fits is chosen, and its work counted.
  const { choices: own } = pretrain;
  const larger = (...further: readonly ReturnType<typeof choice>[]) => ({
    ...work,
    pretrain: { stage: "pretrain", choices: [choice("none", 9.1e9), ...further] as const },
  });
  const [activations, blocks] = [choice("activations", 9e9, 10e8), choice("blocks", 4e9, 12e8)];
  expect(estimateOn(device, larger(activations, blocks))).toMatchObject({
    needs: [{ stage: "pretrain", recompute: "activations" }],
    tokensPerSecond: 9_000,
  });
  expect(estimateOn(device, larger({ ...activations, memoryBytes: 9.1e9 }, blocks))).toMatchObject({
    needs: [{ stage: "pretrain", recompute: "blocks" }],
    tokensPerSecond: 7_500,
  });
  expect(estimateOn(device, larger(activations, blocks)).tooLarge).toEqual([]);
  expect(estimateOn(device, larger())).toMatchObject({ needs: [], tooLarge: ["pretrain"] });
  const tuning = [{ stage: "dpo", choices: [choice("activations", 9.1e9), blocks] as const }];
  expect(estimateOn(device, { ...work, tuning })).toMatchObject({
    needs: [{ stage: "dpo", recompute: "blocks" }],
    tokensPerSecond: 10_000,
  });
  // Two devices have the products of a step in half of its second, and then add up what both have; each needs the same memory.
  const seconds = 0.5 + (2 * work.gradientBytes) / gradientBytesPerSecond;
  expect(estimateOn(device, { ...work, devices: 2, pretrain: { stage: "pretrain", choices: own } })).toEqual(
    expect.objectContaining({ device: "2 × some", needs: [], tokensPerSecond: 10_000 / seconds }),
  );
});

test("tokens take two bytes up to 65,536 words, four above, and are on the disk twice", () => {
  const corpus = { characters: { en: 4_500_000, zh: 0 }, documents: 1000, recordBytes: 0, downloadBytes: 7 };
  const options = { ...corpus, parameters: 10, keepCheckpoints: 2 };
  const disk = estimateDisk({ ...options, vocabSize: 20_000 });
  // Five numbers a document twice, and one end of text.
  expect(disk).toMatchObject({
    tokens: 1_000_000,
    shards: 4_000_000 + 1000 * (2 * 20 + 2),
    mixing: 0, // in memory
    downloads: 7,
    bundle: 40,
    models: 120,
  });
  expect(disk.checkpoints).toBe(3 * 120); // weights and moments; two kept and one being written
  const many = estimateDisk({ ...options, vocabSize: 70_000 });
  expect(many.shards).toBe(many.tokens * 8 + 1000 * (2 * 20 + 4));
  expect(charactersPerToken(70_000).en).toBeGreaterThan(4.5);
});

test("the disk is at its fullest while a large corpus is mixed, unless models take more", () => {
  const corpus = { characters: { en: 45e9, zh: 0 }, documents: 10_000_000, recordBytes: 0, downloadBytes: 0 };
  const options = { ...corpus, vocabSize: 20_000, keepCheckpoints: 0 };
  const disk = estimateDisk({ ...options, parameters: 10 });
  // 28 bytes beside the tokens of each document instead of 20 and an end of text, and two of 256 files once more.
  expect(disk.mixing).toBeCloseTo(6 * 10_000_000 + (20e9 + 28 * 10_000_000) / 128, -1);
  expect(disk.total).toBe(disk.corpus + disk.shards + disk.mixing);
  const large = estimateDisk({ ...options, parameters: 1e9 });
  expect(large.total).toBe(large.corpus + large.shards + large.checkpoints + large.models + large.bundle);
});

test("the time of a step is that of its micro-batches and one update, at any depth", () => {
  const options = tiny({ model: { ...defineLlama(tinyShape), numLayers: 10 }, gradientAccumulation: 4 });
  const speed = predictSpeed({ ...options, microBatchSize: 2 }, 9e9, {
    engine: { kind: "cpu", version: "1", device: "cpu" },
    devices: 1,
    sequences: 1,
    sequenceLength: 3,
    callMs: { fixed: 50, layer: 5 },
    updateMs: { fixed: 40, layer: 6 },
  });
  // Eight calls of 100 ms and an update of 100 ms for 24 tokens.
  expect(speed.tokensPerSecond).toBeCloseTo(24 / 0.9, 9);
  expect(speed.flopsPerSecond).toBeCloseTo(1e10, 0);
});

test("of several devices the longest share decides, and the update is once a step", () => {
  const measured = {
    engine: { kind: "cpu", version: "1", device: "cpu" },
    ...{ devices: 2, sequences: 1, sequenceLength: 3 },
    callMs: { fixed: 0, layer: 100 },
    updateMs: { fixed: 100, layer: 0 },
  } as const;
  const at = (gradientAccumulation: number) =>
    predictSpeed(tiny({ gradientAccumulation }), 0, measured).tokensPerSecond;
  expect(at(4)).toBeCloseTo(12 / 0.3, 9);
  expect(at(3)).toBeCloseTo(9 / 0.3, 9);
});

test("longer sequences than those that were measured cost a layer the products that attention has more", () => {
  const model = defineLlama({ ...tinyShape, contextLength: 64 });
  const at = (sequenceLength: number) =>
    predictSpeed({ ...tiny({ model }), sequenceLength }, 0, {
      engine: { kind: "cpu", version: "1", device: "cpu" },
      devices: 1,
      sequences: 1,
      sequenceLength: 16,
      callMs: { fixed: 0, layer: 5 },
      updateMs: { fixed: 0, layer: 0 },
    }).tokensPerSecond;
  // Of a token: the layer's matrices once, and each head with every position twice (scores and mixing).
  const { hiddenSize, intermediateSize, numHeads, numKvHeads } = model;
  const headDim = hiddenSize / numHeads;
  const matrices = hiddenSize * (2 * numHeads * headDim + 2 * numKvHeads * headDim + 3 * intermediateSize);
  const products = (length: number) => matrices + 2 * length * numHeads * headDim;
  expect(at(16) / at(64)).toBeCloseTo(products(64) / products(16), 9);
});
