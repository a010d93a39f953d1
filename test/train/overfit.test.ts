/**
 * One batch, learnt by heart: every executor and every objective brings its loss near the floor in a few dozen steps. A step that
 * is wrong in a way that comparisons of executors share (a gradient left out, a rate that never arrives) stays above it.
 */
import { readFile } from "node:fs/promises";
import { describe, expect, test } from "vitest";
import type { Batch, BatchSource, PairBatchSource } from "../../src/data/batch.ts";
import { everyExecutor, openExecutor } from "../model/executors.ts";
import { batchOf, createRig, model, trainTiny, trainTinyPreferences, type Rig } from "./training-rig.ts";

const schedule = (totalSteps: number) =>
  ({ totalSteps, schedule: { kind: "constant", peak: 0.01, warmupSteps: 0 } }) as const;

/** The same batch for ever. */
const always = <Given>(batch: Given) => ({
  next: () => Promise.resolve(batch),
  cursor: () => ({}),
  seek: () => undefined,
});

const text = batchOf("by heart");
/** Targets that no rule gives: they must be learnt. Each follows from its place, which the tokens before it tell. */
const random: Batch = {
  ...text,
  targets: text.inputs.map((id, at) => (id * 7 + at * at + 3) % model.vocabSize),
};
/** Every row the same: only the answers' mask tells pretraining from fine-tuning. */
const pretraining: BatchSource = always({ ...random, lossMask: random.lossMask.map(() => 1) });
const fineTuning: BatchSource = always({
  ...random,
  // Prompts of five and eight tokens, of which nothing is asked.
  lossMask: random.lossMask.map((_, at) => Number(at % 12 >= (at < 12 ? 5 : 8))),
});
const pairs: PairBatchSource = always({
  batchSize: text.batchSize,
  sequenceLength: text.sequenceLength,
  chosen: batchOf("chosen by heart"),
  rejected: batchOf("rejected by heart"),
  indices: Int32Array.of(0, 1),
});

async function lossesOf({ metricsPath }: Rig): Promise<number[]> {
  const lines = (await readFile(metricsPath, "utf8")).trimEnd().split("\n");
  return lines.map((line) => (JSON.parse(line) as { loss: number }).loss);
}

describe.each(everyExecutor)("on %s", async (kind) => {
  const engine = await openExecutor(kind);

  test.each([
    ["pretraining", pretraining],
    ["fine-tuning", fineTuning],
  ])("%s on one batch: from the entropy of a guess to a hundredth of it", async (_, source) => {
    for (const gradientAccumulation of [1, 2]) {
      await using rig = await createRig();
      await trainTiny(engine, rig, { ...schedule(80), source, gradientAccumulation, checkpoints: undefined });
      const losses = await lossesOf(rig);
      const guess = Math.log(model.vocabSize);
      expect(Math.abs((losses[0] ?? NaN) / guess - 1)).toBeLessThan(0.15);
      expect(losses.at(-1)).toBeLessThan(0.01 * guess);
    }
  });

  test("preferences of one batch: from ln 2 to a hundredth of it", async () => {
    await using rig = await createRig();
    const sources = { source: pairs, referenceSource: pairs, pairCount: 2 };
    await trainTinyPreferences(engine, rig, { ...schedule(40), ...sources, checkpoints: undefined });
    const losses = await lossesOf(rig);
    expect(losses[0]).toBeCloseTo(Math.LN2, 5);
    expect(losses.at(-1)).toBeLessThan(0.01 * Math.LN2);
  });
});
