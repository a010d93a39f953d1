/**
 * After a spike a run ends as a run that never saw the data that was left out, whatever happens to it on the way. Spikes are
 * micro-batches whose loss is not a number, told by their place in the data.
 */
import { truncateSync } from "node:fs";
import { cp, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import type { BatchSource } from "../../src/data/batch.ts";
import type { TrainLoopOptions, TrainingNotice } from "../../src/train/training-options.ts";
import { executors, openExecutor } from "../model/executors.ts";
import { guard, spoilt, trainGuarded } from "./spikes.ts";
import { createRig, numberedBatches, totalSteps, trainTiny, type Rig } from "./training-rig.ts";

/** Only the batches of these places, in this order. */
function chosen(places: readonly number[]): BatchSource {
  const source = numberedBatches();
  let at = 0;
  return {
    ...source,
    next() {
      source.seek({ position: places[at++] ?? NaN });
      return source.next();
    },
  };
}

interface Story {
  readonly name: string;
  readonly spikes: readonly number[];
  readonly change?: Partial<Record<keyof typeof guard & `${string}Steps`, number>>;
  readonly gradientAccumulation?: number;
  /** Places of the micro-batches that the result is made from. */
  readonly used: readonly number[];
}

const range = (from: number, to: number): number[] => Array.from({ length: to - from }, (_, i) => from + i);

const stories: readonly Story[] = [
  { name: "the last saved state", spikes: [4], used: [0, 1, 2, 3, 5, 6, 7] },
  { name: "a state further back", spikes: [4], change: { rewindSteps: 3 }, used: [0, 1, ...range(5, 10)] },
  { name: "the beginning", spikes: [4], change: { rewindSteps: 5 }, used: range(5, 12) },
  { name: "the beginning, from the first step", spikes: [0], used: range(1, 8) },
  {
    name: "leaving out more than was seen",
    spikes: [4],
    change: { skipSteps: 4 },
    used: [0, 1, 2, 3, 8, 9, 10],
  },
  { name: "two spikes, both left out", spikes: [2, 6], used: [0, 1, 3, 4, 7, 8, 9] },
  { name: "one state twice", spikes: [4, 5], used: [0, 1, 2, 3, 6, 7, 8] },
  {
    name: "the second time to before the first",
    spikes: [4, 6],
    change: { rewindSteps: 3 },
    used: range(7, 14),
  },
  {
    name: "a micro-batch within a step",
    spikes: [13],
    gradientAccumulation: 3,
    used: [...range(0, 12), ...range(15, 24)],
  },
];

type Change = Partial<TrainLoopOptions> & { readonly source: BatchSource };

describe.each(executors)("on %s", async (kind) => {
  const engine = await openExecutor(kind);

  const guarded = (rig: Rig, { gradientAccumulation = 1, change }: Story, options: Change) =>
    trainGuarded(engine, rig, { gradientAccumulation, lossGuard: { ...guard, ...change }, ...options });

  const told = kind === "wasm" ? stories : stories.filter(({ spikes }) => spikes.length === 2).slice(0, 1);

  test.each(told)("back to $name: as if only the other data had been there", async (story) => {
    const { gradientAccumulation = 1, used } = story;
    await using plain = await createRig();
    const expected = await trainTiny(engine, plain, { gradientAccumulation, source: chosen(used) });
    await using rig = await createRig();
    const notices: TrainingNotice[] = [];
    const onNotice = (notice: TrainingNotice) => notices.push(notice);
    const result = await guarded(rig, story, { source: spoilt(story.spikes), onNotice });
    expect(result.weights === expected.toString("base64")).toBe(true);
    // The curve has each step once, those that were taken back only as they were taken again.
    expect(result.metrics).toBe(await readFile(plain.metricsPath, "utf8"));
    const rolledBack = notices.filter(({ kind: what }) => what === "rolledBack");
    expect(rolledBack).toHaveLength(story.spikes.length);
  });

  test.each(told)("killed anywhere on the way back to $name, then resumed: the same bytes", async (story) => {
    await using straight = await createRig();
    const source = spoilt(story.spikes);
    const expected = await guarded(straight, story, { source });
    // Every call that the loop makes to the source is a place to die at; on TensorFlow a few of them.
    await using again = await createRig();
    const counting = interruptible(spoilt(story.spikes), Infinity);
    await guarded(again, story, { source: counting.source });
    const calls = counting.counted();
    expect(calls).toBeGreaterThan(totalSteps);
    for (let call = 0; call < calls; call += kind === "wasm" ? 1 : 5) {
      await using rig = await createRig();
      const dying = interruptible(spoilt(story.spikes), call).source;
      await expect(guarded(rig, story, { source: dying })).rejects.toThrow("killed");
      const found = await guarded(rig, story, { source: spoilt(story.spikes) });
      expect([call, found]).toEqual([call, expected]);
    }
  });
});

describe("a rollback", async () => {
  const engine = await openExecutor("wasm");

  test("is one too many after maxRollbacks: the run stops, naming step, count and rows", async () => {
    await using rig = await createRig();
    const lossGuard = { ...guard, maxRollbacks: 1 };
    const notices: TrainingNotice[] = [];
    const onNotice = (notice: TrainingNotice) => notices.push(notice);
    const stopped = {
      code: "LOSS_SPIKE",
      message:
        "step 5 has loss NaN and gradient norm NaN, after 1 rollbacks; nothing of it was saved. Its batch:\n  row 5.0\n  row 5.1",
    };
    const change = { lossGuard, onNotice };
    await expect(trainTiny(engine, rig, { ...change, source: spoilt([4, 5]) })).rejects.toMatchObject(
      stopped,
    );
    expect(notices).toContainEqual({
      kind: "rolledBack",
      rollback: {
        toStep: 4,
        cursor: { position: 5 },
        spikeStep: 5,
        reason: "loss NaN and gradient norm NaN",
        rows: ["row 4.0", "row 4.1"],
      },
    });
    // Run again, it counts on.
    await expect(trainTiny(engine, rig, { ...change, source: spoilt([4, 5]) })).rejects.toMatchObject(
      stopped,
    );
  });

  test("needs a folder for checkpoints", async () => {
    await using rig = await createRig();
    await expect(trainTiny(engine, rig, { lossGuard: guard, checkpoints: undefined })).rejects.toMatchObject({
      code: "TRAINING_INVALID",
      message: "lossGuard.action is rollback",
    });
  });

  test("whose record was damaged is not guessed", async () => {
    await using rig = await createRig();
    await trainTiny(engine, rig, { lossGuard: guard, source: spoilt([4]) });
    await writeFile(join(rig.checkpoints.directory, "rollbacks.json"), '{"formatVersion": 1, "count": 1}');
    await expect(trainTiny(engine, rig, { lossGuard: guard })).rejects.toMatchObject({
      code: "CHECKPOINT_DAMAGED",
    });
  });

  test("to a state that cannot be read goes to one before it, and on to the same bytes", async () => {
    await using straight = await createRig();
    const expected = await trainTiny(engine, straight, { lossGuard: guard, source: spoilt([4]) });
    await using rig = await createRig();
    const source = spoilt([4]);
    let damaged = 0;
    const bytes = await trainTiny(engine, rig, {
      lossGuard: guard,
      source,
      onNotice(notice) {
        if (notice.kind === "checkpointed" && notice.step === 4 && damaged++ === 0)
          truncateSync(join(notice.path, "state.safetensors"), 1000);
      },
    });
    expect(damaged).toBeGreaterThan(0);
    expect(source.given.filter((place) => place === 2)).toHaveLength(2);
    expect(bytes.equals(expected)).toBe(true);
  });

  test("of a shorter run is part of the longer one that goes on from its milestone", async () => {
    const spikes = [2, 6];
    const schedule = { kind: "constant", peak: 0.02, warmupSteps: 2 } as const;
    const train = (rig: Rig, steps: number, milestone: number) =>
      trainTiny(engine, rig, {
        schedule,
        lossGuard: guard,
        totalSteps: steps,
        source: spoilt(spikes),
        checkpoints: { ...rig.checkpoints, milestone },
      });
    await using straight = await createRig();
    const expected = await train(straight, 8, 8);
    await using shorter = await createRig();
    await train(shorter, 4, 4);
    // What the runner hands on: the milestone and the curve.
    await using longer = await createRig();
    const milestone = "step-000004";
    await cp(join(shorter.checkpoints.directory, milestone), join(longer.checkpoints.directory, milestone), {
      recursive: true,
    });
    await cp(shorter.metricsPath, longer.metricsPath);
    expect((await train(longer, 8, 8)).equals(expected)).toBe(true);
    expect(await readFile(longer.metricsPath, "utf8")).toBe(await readFile(straight.metricsPath, "utf8"));
    const [theirs, ours] = await Promise.all(
      [straight, longer].map((rig) => readFile(join(rig.checkpoints.directory, "rollbacks.json"), "utf8")),
    );
    expect(ours).toBe(theirs);
  });
});

/** Dies at one of the calls that the loop makes. */
function interruptible(source: BatchSource, call: number) {
  let made = 0;
  const count = () => {
    if (made++ === call) throw new Error("killed");
  };
  const wrapped: BatchSource = {
    ...source,
    async next() {
      await Promise.resolve();
      count();
      return source.next();
    },
    seek(cursor) {
      count();
      source.seek(cursor);
    },
  };
  return { source: wrapped, counted: () => made };
}
