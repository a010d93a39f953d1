import fc from "fast-check";
import { expect, test } from "vitest";
import { KeySelection } from "../../../src/data/shards/key-selection.ts";

interface Item {
  readonly key: number;
  readonly tokens: number;
}

function select(items: readonly Item[], quota: number): boolean[] {
  const selection = new KeySelection();
  for (const { key, tokens } of items) selection.count(key, tokens);
  expect(selection.available).toBe(items.reduce((sum, { tokens }) => sum + tokens, 0));
  selection.setQuota(quota);
  for (const { key, tokens } of items) selection.count(key, tokens);
  return items.map(({ key, tokens }) => selection.take(key, tokens));
}

/** What it stands for: sort by key, copies in their order, and take until the quota is filled. */
function bySorting(items: readonly Item[], quota: number): boolean[] {
  const taken = items.map(() => false);
  let tokens = 0;
  for (const [at, item] of [...items.entries()].sort(([, a], [, b]) => a.key - b.key)) {
    if (tokens >= quota) break;
    taken[at] = true;
    tokens += item.tokens;
  }
  return taken;
}

/** Few distinct keys, so that many items share a bucket or the very key of the cut. */
const crowded = fc.constantFrom(0, 1, 0xffff, 0x10000, 0x10001, 0x1ffff, 0x7fffffff, 0xfffffffe, 0xffffffff);
const anyKey = fc.integer({ min: 0, max: 0xffffffff });

test("takes what sorting by key would take, however the keys crowd", () => {
  fc.assert(
    fc.property(
      fc.array(fc.record({ key: fc.oneof(crowded, anyKey), tokens: fc.integer({ min: 1, max: 1000 }) })),
      fc.double({ min: 0, max: 1.2, noNaN: true }),
      (items, share) => {
        const quota = Math.floor(share * items.reduce((sum, { tokens }) => sum + tokens, 0));
        expect(select(items, quota)).toEqual(bySorting(items, quota));
      },
    ),
    { numRuns: 60 },
  );
});
