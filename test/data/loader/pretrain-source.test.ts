import fc from "fast-check";
import { expect, test } from "vitest";
import { createPretrainSource } from "../../../src/data/loader/pretrain-source.ts";
import { createPermutation } from "../../../src/data/loader/permutation.ts";
import { createRandom } from "../../../src/data/random.ts";
import { endOfText } from "../shards/corpus.ts";
import { contents } from "./contents.ts";
import { openMixedShards } from "./mixed-shards.ts";

const options = { split: "train", batchSize: 3, sequenceLength: 16, seed: 7 };

test("every token but the ragged tail is an input once an epoch, followed by its target", async () => {
  const shards = await openMixedShards();
  const source = createPretrainSource(shards, { ...options, batchSize: 1 });
  const split = shards.split("train");
  const tokens = new Int32Array(split.totals.tokens);
  await split.read(0, tokens.length, tokens);
  expect(source.windows * 16 + source.droppedTokens).toBe(tokens.length);
  expect(source.droppedTokens).toBeLessThanOrEqual(16);

  const windowAt = new Map(
    Array.from({ length: source.windows }, (_, w) => [tokens.slice(w * 16, w * 16 + 17).join(), w]),
  );
  expect(windowAt.size).toBe(source.windows); // no two windows are alike, so that a window tells its place
  for (let epoch = 0; epoch < 2; epoch++) {
    const seen = new Set<number | undefined>();
    for (let i = 0; i < source.windows; i++) {
      const { inputs, targets, lossMask } = await source.next();
      seen.add(windowAt.get([...inputs, targets[15]].join()));
      expect(targets.slice(0, 15)).toEqual(inputs.slice(1));
      expect(lossMask.every((mask) => mask === 1)).toBe(true);
    }
    expect(seen.size).toBe(source.windows);
    expect(seen.has(undefined)).toBe(false);
  }
});

test("a source resumed at any cursor gives what the uninterrupted one gives, over the ends of epochs", async () => {
  const shards = await openMixedShards();
  const steps = 2 * Math.ceil(createPretrainSource(shards, options).windows / 3);
  await fc.assert(
    fc.asyncProperty(fc.nat(steps), fc.integer({ min: 0, max: 3 }), async (before, ahead) => {
      const straight = createPretrainSource(shards, options);
      for (let i = 0; i < before; i++) await straight.next();
      const cursor = JSON.parse(JSON.stringify(straight.cursor())) as ReturnType<typeof straight.cursor>;
      const resumed = createPretrainSource(shards, options);
      for (let i = 0; i < ahead; i++) await resumed.next();
      resumed.seek(cursor);
      expect(resumed.cursor()).toEqual(cursor);
      for (let i = 0; i < 3; i++)
        expect(await contents(await resumed.next())).toEqual(await contents(await straight.next()));
    }),
    { numRuns: 25 },
  );
});

test("the seed decides the order, and epochs differ", async () => {
  const shards = await openMixedShards();
  const first = async (seed: number) =>
    (await createPretrainSource(shards, { ...options, seed }).next()).inputs;
  expect(await first(7)).toEqual(await first(7));
  expect(await first(7)).not.toEqual(await first(8));
  const source = createPretrainSource(shards, options);
  source.seek({ epoch: 1, index: 0 });
  expect((await source.next()).inputs).not.toEqual(await first(7));
});

test("rows come in the order that the seed records: window i of epoch e is place i of that epoch's permutation", async () => {
  const shards = await openMixedShards();
  const split = shards.split("train");
  const source = createPretrainSource(shards, options);
  const { windows } = source;
  for (let row = 0; row < 2 * windows - 2;) {
    const { inputs } = await source.next();
    for (let at = 0; at < 3; at++, row++) {
      const epoch = Math.floor(row / windows);
      const order = createPermutation(windows, createRandom(options.seed).fork(`epoch:${epoch}`));
      const window = new Int32Array(16);
      await split.read(order(row % windows) * 16, 16, window);
      expect(inputs.subarray(at * 16, at * 16 + 16)).toEqual(window);
    }
  }
});

test("a batch is read while the one before it is used", async () => {
  const shards = await openMixedShards();
  let reads = 0;
  const split = shards.split("train");
  const counting = {
    ...shards,
    split: () => ({
      totals: split.totals,
      documentBlocks: () => split.documentBlocks(),
      readPacked: split.readPacked.bind(split),
      read: (...range: Parameters<typeof split.read>) => {
        reads++;
        return split.read(...range);
      },
    }),
  };
  const source = createPretrainSource(counting, options);
  await source.next();
  expect(reads).toBe(6); // the three rows that were given, and the next three, asked for before they are needed
});

test("documents are told apart within a row; an end of text begins the one that follows", async () => {
  const shards = await openMixedShards();
  const source = createPretrainSource(shards, { ...options, sequenceLength: 64, endOfText });
  let divided = 0;
  for (let batch = 0; batch < 10; batch++) {
    const { inputs, documents = new Int32Array() } = await source.next();
    expect(documents.length).toBe(inputs.length);
    for (let row = 0; row < 3; row++) {
      const ids = [...inputs.subarray(row * 64, row * 64 + 64)];
      const numbers = [...documents.subarray(row * 64, row * 64 + 64)];
      const expected = ids.map((_, at) => ids.slice(0, at + 1).filter((id) => id === endOfText).length);
      expect(numbers).toEqual(expected);
      divided += new Set(numbers).size - 1;
    }
  }
  expect(divided).toBeGreaterThan(30);
  expect((await createPretrainSource(shards, options).next()).documents).toBeUndefined();
});

test("cursors of other data and sizes that cannot work are refused", async () => {
  const shards = await openMixedShards();
  const source = createPretrainSource(shards, options);
  for (const cursor of [{ epoch: 0, index: 10 ** 6 }, { epoch: -1, index: 0 }, { epoch: 0 }, {}]) {
    expect(() => source.seek(cursor)).toThrow(/is no place among/);
  }
  expect(() => createPretrainSource(shards, { ...options, sequenceLength: 10 ** 6 })).toThrow(
    /not enough for one window/,
  );
  expect(() => createPretrainSource(shards, { ...options, batchSize: 0 })).toThrow(/batchSize/);
});
