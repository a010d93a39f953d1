import fc from "fast-check";
import { expect, test } from "vitest";
import { smooth } from "../../src/report/smooth.ts";

test("a straight line stays the line it is, up to both ends", () => {
  fc.assert(
    fc.property(
      fc.double({ min: -10, max: 10, noNaN: true }),
      fc.double({ min: -10, max: 10, noNaN: true }),
      fc.integer({ min: 2, max: 120 }),
      fc.boolean(),
      (slope, offset, count, steepStart) => {
        const line = Array.from({ length: count }, (_, x) => ({ x, y: slope * x + offset }));
        for (const [index, point] of smooth(line, { span: 0.1, steepStart }).entries()) {
          expect(point.x).toBe(index);
          expect(point.y).toBeCloseTo(slope * index + offset, 6);
        }
      },
    ),
  );
});

test("noise around a level is reduced", () => {
  const noisy = Array.from({ length: 200 }, (_, x) => ({ x, y: 3 + (x % 2 === 0 ? 0.5 : -0.5) }));
  const middle = smooth(noisy, { span: 0.1 }).slice(20, -20);
  for (const { y } of middle) expect(Math.abs(y - 3)).toBeLessThan(0.05);
});

test("with a steep start the first steps keep their height", () => {
  const falling = Array.from({ length: 500 }, (_, x) => ({ x, y: 3 + 6 / (1 + x / 5) }));
  expect(smooth(falling, { steepStart: true })[0]?.y).toBeCloseTo(9, 0);
  expect(smooth(falling)[0]?.y).toBeLessThan(8.5);
});

test("one point and points at one place come back as they are", () => {
  expect(smooth([{ x: 4, y: 2 }])).toEqual([{ x: 4, y: 2 }]);
  expect(
    smooth([
      { x: 1, y: 2 },
      { x: 1, y: 4 },
    ]).map(({ y }) => y),
  ).toEqual([3, 3]);
  expect(smooth([])).toEqual([]);
});
