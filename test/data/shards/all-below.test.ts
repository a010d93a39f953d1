import fc from "fast-check";
import { expect, test } from "vitest";
import { allBelow } from "../../../src/data/shards/all-below.ts";

const edges = (bound: number, width: 16 | 32) =>
  [0, 1, bound - 1, bound, bound + 1, 0x7fff, 0x8000, 0xffff, 2 ** 31, 2 ** 32 - 1].filter(
    (id) => id >= 0 && id < 2 ** width,
  );

for (const width of [16, 32] as const)
  test(`ids of ${width} bits are below a bound where each by itself is`, () => {
    const Ids = width === 16 ? Uint16Array : Uint32Array;
    const bounds = fc.oneof(
      fc.integer({ min: 0, max: 2 ** Math.min(width, 31) }),
      fc.constantFrom(1, 2, 0x7fff, 0x8000, 0x8001),
    );
    const cases = bounds.chain((bound) => {
      const id = fc.oneof(
        { weight: 20, arbitrary: fc.integer({ min: 0, max: Math.max(0, Math.min(bound, 2 ** width) - 1) }) },
        { weight: 1, arbitrary: fc.constantFrom(...edges(bound, width)) },
      );
      return fc.record({
        bound: fc.constant(bound),
        ids: fc.array(id, { maxLength: 40 }),
        skipped: fc.nat(3),
      });
    });
    fc.assert(
      fc.property(cases, ({ bound, ids, skipped }) => {
        const all = Ids.from([...Array<number>(skipped).fill(2 ** width - 1), ...ids]);
        expect(allBelow(all.subarray(skipped), bound)).toBe(ids.every((id) => id < bound));
      }),
      { numRuns: 2000 },
    );
  });

test("one id that is not below is found at every place", () => {
  for (const bound of [1, 20_000, 0x8000, 50_000])
    for (let length = 1; length <= 19; length++)
      for (let place = 0; place < length; place++)
        for (const id of [bound, 0xffff]) {
          const ids = new Uint16Array(length).fill(bound - 1);
          expect(allBelow(ids, bound)).toBe(true);
          ids[place] = id;
          expect(allBelow(ids, bound)).toBe(false);
        }
});
