import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { causalAttention } from "../../src/model/causal-attention.ts";
import { nodesOf, productFlops } from "../../src/tensor/cost.ts";
import { gradients } from "../../src/tensor/gradients.ts";
import { fullestMoment } from "../../src/tensor/liveness.ts";
import { mul, sum } from "../../src/tensor/ops.ts";
import { defineProgram, feed, type ProgramFunction } from "../../src/tensor/program.ts";
import { float32, int32, sizeOf, type HostTensor } from "../../src/tensor/types.ts";
import { executors, openExecutor } from "./executors.ts";

interface Sizes {
  readonly batch: number;
  readonly numKvHeads: number;
  readonly group: number;
  readonly time: number;
  readonly dim: number;
}

/** The result and its gradients, as one function of queries, keys, values and perhaps documents. */
function attending(
  name: string,
  { batch, numKvHeads, group, time, dim }: Sizes,
  blockLength: number,
  divided: boolean,
): ProgramFunction {
  const queries = feed("queries", [batch, numKvHeads * group, time, dim]);
  const [keys, values] = ["keys", "values"].map((each) => feed(each, [batch, numKvHeads, time, dim]));
  if (keys === undefined || values === undefined) throw new Error("no feeds");
  const documents = divided ? feed("documents", [batch, time], "int32") : undefined;
  const y = causalAttention(time, { documents, blockLength })(queries, keys, values);
  const [dQueries, dKeys, dValues] = gradients(sum(mul(y, y)), [queries, keys, values]);
  if (dQueries === undefined || dKeys === undefined || dValues === undefined) throw new Error("no gradients");
  return {
    name,
    feeds: [queries, keys, values, ...(documents === undefined ? [] : [documents])],
    fetches: { y, dQueries, dKeys, dValues },
    effects: [],
  };
}

/** Uneven numbers of either sign; documents of 1 to 5 tokens, begun at different places in each row. */
function feedsOf(fn: ProgramFunction): Record<string, HostTensor> {
  return Object.fromEntries(
    fn.feeds.map(({ op, shape, dtype }, at): [string, HostTensor] => {
      const name = op.kind === "feed" ? op.name : "";
      const indices = Array.from({ length: sizeOf(shape) }, (_, index) => index);
      const value =
        dtype === "int32"
          ? int32(
              shape,
              Int32Array.from(indices, (index) =>
                Math.floor(((index % (shape[1] ?? 1)) + Math.floor(index / (shape[1] ?? 1))) / 5),
              ),
            )
          : float32(
              shape,
              Float32Array.from(indices, (index) => Math.sin(index * 1.7 + at)),
            );
      return [name, value];
    }),
  );
}

const sizes = fc.record({
  batch: fc.integer({ min: 1, max: 2 }),
  numKvHeads: fc.integer({ min: 1, max: 2 }),
  group: fc.integer({ min: 1, max: 3 }),
  time: fc.integer({ min: 1, max: 20 }),
  dim: fc.integer({ min: 1, max: 4 }),
});

describe.each(executors)("on %s", async (kind) => {
  const engine = await openExecutor(kind);
  test("blocks of any length give what the whole gives, in values and gradients", async () => {
    await fc.assert(
      fc.asyncProperty(
        sizes,
        fc.integer({ min: 1, max: 8 }),
        fc.boolean(),
        async (size, blockLength, divided) => {
          const whole = attending("whole", size, size.time, divided);
          const blocks = attending("blocks", size, blockLength, divided);
          await using executable = await engine.compile(
            defineProgram({ variables: [], functions: [whole, blocks] }),
          );
          const feeds = feedsOf(whole);
          const expected = await executable.call("whole", feeds);
          const results = await executable.call("blocks", feeds);
          for (const [name, { data, shape }] of Object.entries(expected)) {
            expect(results[name]?.shape).toEqual(shape);
            const largest = Math.max(1, ...data.map(Math.abs));
            for (const [index, value] of data.entries())
              expect(Math.abs((results[name]?.data[index] ?? NaN) - value), name).toBeLessThan(
                1e-5 * largest,
              );
          }
        },
      ),
      { numRuns: 15 },
    );
  });
});

const long: Sizes = { batch: 1, numKvHeads: 1, group: 3, time: 1024, dim: 64 };

test("of n blocks, (n + 1) / 2n of the products remain, forward and back", () => {
  const flops = (blockLength: number) => productFlops(nodesOf(attending("run", long, blockLength, false)));
  expect(flops(128) / flops(1024)).toBe(9 / 16);
  expect(flops(256) / flops(1024)).toBe(5 / 8);
});

test("long sequences are computed in blocks without being asked to, and hold less at once", () => {
  const bytesBy = (blockLength?: number) => {
    const [queries, keys] = [feed("queries", [1, 3, 1024, 64]), feed("keys", [1, 1, 1024, 64])];
    const y = causalAttention(1024, { blockLength })(queries, keys, keys);
    const [dQueries, dKeys] = gradients(sum(mul(y, y)), [queries, keys]);
    if (dQueries === undefined || dKeys === undefined) throw new Error("no gradients");
    return fullestMoment({ name: "run", feeds: [queries, keys], fetches: { dQueries, dKeys }, effects: [] })
      .bytes;
  };
  expect(bytesBy()).toBe(bytesBy(128));
  expect(bytesBy()).toBeLessThan(0.5 * bytesBy(1024));
});
