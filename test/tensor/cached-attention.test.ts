import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { openEngine } from "../../src/engine/open-engine.ts";
import { cachedAttention } from "../../src/tensor/cached-attention.ts";
import { gradients } from "../../src/tensor/gradients.ts";
import { sum } from "../../src/tensor/ops.ts";
import { defineProgram, defineVariable, feed, readVariable } from "../../src/tensor/program.ts";
import { float32, int32, sizeOf, type Shape } from "../../src/tensor/types.ts";
import { everyExecutor } from "../model/executors.ts";
import { evaluate, type Value } from "./reference-evaluator.ts";

interface Sizes {
  readonly batch: number;
  readonly numKvHeads: number;
  readonly group: number;
  readonly time: number;
  readonly dim: number;
  readonly capacity: number;
}

function build({ batch, numKvHeads, group, time, dim, capacity }: Sizes) {
  const cacheShape = [batch * numKvHeads * capacity, dim];
  const variables = {
    keys: defineVariable("cache.keys", cacheShape),
    values: defineVariable("cache.values", cacheShape),
  };
  const fresh = [batch, numKvHeads, time, dim];
  const inputs = {
    queries: feed("queries", [batch, numKvHeads * group, time, dim]),
    keys: feed("keys", fresh),
    values: feed("values", fresh),
    cachedKeys: readVariable(variables.keys),
    cachedValues: readVariable(variables.values),
    slots: feed("slots", [batch, time], "int32"),
    length: feed("length", [], "int32"),
  };
  return { variables, inputs, mixed: cachedAttention(inputs) };
}

/** Numbers between −1 and 1, others for each seed. */
const numbers = (shape: Shape, seed: number): Value => ({
  shape,
  data: Array.from({ length: sizeOf(shape) }, (_, index) => Math.fround(Math.sin(seed + index * 2.3))),
});

const sizes = fc.record({
  batch: fc.integer({ min: 1, max: 3 }),
  numKvHeads: fc.integer({ min: 1, max: 2 }),
  group: fc.integer({ min: 1, max: 3 }),
  time: fc.integer({ min: 1, max: 4 }),
  dim: fc.integer({ min: 1, max: 5 }),
  capacity: fc.integer({ min: 4, max: 9 }),
});

describe.each(everyExecutor)("on %s", (kind) => {
  test("is the softmax over the slots that each token sees, in texts of any lengths", async () => {
    const engine = await openEngine({ kind });
    await fc.assert(
      fc.asyncProperty(
        sizes,
        fc.array(fc.nat(8), { minLength: 3, maxLength: 3 }),
        fc.nat(3),
        async (size, starts, more) => {
          const { variables, inputs, mixed } = build(size);
          const slots = Array.from({ length: size.batch }, (_, text) => {
            const start = Math.min(starts[text] ?? 0, size.capacity - size.time);
            return Array.from({ length: size.time }, (_, token) => start + token);
          }).flat();
          const length = Math.min(Math.max(...slots) + 1 + more, size.capacity);
          const floats = Object.entries(inputs)
            .slice(0, 5)
            .map(([, { op, shape }], seed): [string, Value] => [
              op.kind === "feed" || op.kind === "variable" ? op.name : "",
              numbers(shape, seed),
            ]);
          const given = Object.fromEntries(floats);
          const [expected] = evaluate([mixed], {
            ...given,
            slots: { shape: inputs.slots.shape, data: slots },
            length: { shape: [], data: [length] },
          });
          const { keys, values, queries } = inputs;
          await using executable = await engine.compile(
            defineProgram({
              variables: Object.values(variables),
              functions: [
                {
                  name: "attend",
                  feeds: [queries, keys, values, inputs.slots, inputs.length],
                  fetches: { mixed },
                  effects: [],
                },
              ],
            }),
          );
          const tensor = ({ shape, data }: Value) => float32(shape, Float32Array.from(data));
          const feeds = floats.map(([name, value]) => [name, tensor(value)] as const);
          for (const [name, value] of feeds)
            if (name.startsWith("cache.")) await executable.writeVariable(name, value);
          const found = await executable.call("attend", {
            ...Object.fromEntries(feeds.filter(([name]) => !name.startsWith("cache."))),
            slots: int32(inputs.slots.shape, Int32Array.from(slots)),
            length: int32([], Int32Array.of(length)),
          });
          // Sums of at most nine products of numbers below 1: a few float32 roundings.
          expected?.data.forEach((value, index) =>
            expect(Math.abs((found["mixed"]?.data[index] ?? NaN) - value)).toBeLessThan(1e-5),
          );
        },
      ),
      { numRuns: kind === "tensorflow" ? 15 : 40 },
    );
  });
});

test("has no gradient, and says so", () => {
  const { inputs, mixed } = build({ batch: 1, numKvHeads: 1, group: 1, time: 1, dim: 2, capacity: 4 });
  expect(() => gradients(sum(mixed), [inputs.queries])).toThrow("cachedAttention has no gradient");
});

test("inputs that do not fit are refused with their shapes", () => {
  const { inputs } = build({ batch: 2, numKvHeads: 1, group: 2, time: 1, dim: 2, capacity: 4 });
  expect(() => cachedAttention({ ...inputs, slots: feed("slots", [2, 2], "int32") })).toThrow(
    /cachedAttention of .*int32\(2, 2\)/,
  );
  expect(() => cachedAttention({ ...inputs, cachedKeys: feed("keys", [8, 2]) })).toThrow("must be variables");
  expect(() => cachedAttention({ ...inputs, length: feed("length", []) })).toThrow("int32 slots and length");
});
