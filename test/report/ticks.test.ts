import fc from "fast-check";
import { expect, test } from "vitest";
import { axis } from "../../src/report/ticks.ts";

test("ticks stand at round numbers", () => {
  expect(axis(2.9, 9.2, 8, true).ticks).toEqual([2, 3, 4, 5, 6, 7, 8, 9, 10]);
  expect(axis(0, 0.002, 5, true).ticks).toEqual([0, 0.0005, 0.001, 0.0015, 0.002]);
  expect(axis(0, 1200, 8, false).ticks).toEqual([0, 200, 400, 600, 800, 1000, 1200]);
});

test("a tight axis ends at the data, a loose one at its outer ticks", () => {
  expect(axis(1, 1130, 6, false)).toMatchObject({ low: 1, high: 1130, ticks: [200, 400, 600, 800, 1000] });
  expect(axis(1, 1130, 6, true)).toMatchObject({ low: 0, high: 1200 });
});

test("a single value gets an interval around it", () => {
  const { low, high } = axis(3, 3, 5, true);
  expect(low).toBeLessThan(3);
  expect(high).toBeGreaterThan(3);
});

test("an end that is not finite is an error", () => {
  expect(() => axis(0, Infinity, 5, true)).toThrow(RangeError);
});

test("loose ticks cover the data, rise evenly and are no more than asked for", () => {
  const finite = fc.double({ min: -1e9, max: 1e9, noNaN: true });
  fc.assert(
    fc.property(finite, fc.double({ min: 1e-3, max: 1e9, noNaN: true }), (low, range) => {
      const { ticks, step, low: from, high: to } = axis(low, low + range, 6, true);
      const tolerance = step * 1e-6;
      expect(from).toBeLessThanOrEqual(low + tolerance);
      expect(to).toBeGreaterThanOrEqual(low + range - tolerance);
      expect(ticks.length).toBeGreaterThanOrEqual(2);
      // Six intervals, and one more at each end where the data start between two ticks.
      expect(ticks.length).toBeLessThanOrEqual(9);
      for (const [index, tick] of ticks.entries())
        if (index > 0) expect(tick).toBeGreaterThan(ticks[index - 1] ?? Infinity);
    }),
  );
});
