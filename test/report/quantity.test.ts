import fc from "fast-check";
import { expect, test } from "vitest";
import {
  formatBytes,
  formatCompact,
  formatCount,
  formatDuration,
  formatFigure,
  formatFlops,
} from "../../src/report/quantity.ts";

test("counts are grouped by thousands", () => {
  expect([0, 999, 1000, 117_723_456].map(formatCount)).toEqual(["0", "999", "1,000", "117,723,456"]);
});

test("counts read as Intl writes them", () => {
  const english = new Intl.NumberFormat("en-US", { maximumFractionDigits: 0 });
  const below = fc.double({ min: -1e15, max: 1e15, noNaN: true }).filter((n) => !Object.is(n, -0)); // "-0" there
  fc.assert(fc.property(fc.oneof(below, fc.maxSafeInteger()), (n) => formatCount(n) === english.format(n)));
});

test("compact numbers keep three digits and move to the next suffix where rounding reaches it", () => {
  expect([12, 999, 999.7, 1234, 10_512, 999_400, 999_999, 117_723_456, 2.097e12].map(formatCompact)).toEqual([
    "12",
    "999",
    "1k",
    "1.23k",
    "10.5k",
    "999k",
    "1M",
    "118M",
    "2.1T",
  ]);
});

test("work done in a second has a unit of its own", () => {
  expect([940, 78.2e9, 29.8e12].map(formatFlops)).toEqual(["940 FLOP/s", "78.2 GFLOP/s", "29.8 TFLOP/s"]);
});

test("figures keep four digits and use an exponent only where zeros would hide them", () => {
  expect([0, 3.41234, 0.0012, 1e-6, 2.5e-5, 1234.56, -0.5].map(formatFigure)).toEqual([
    "0",
    "3.412",
    "0.0012",
    "1e-6",
    "2.5e-5",
    "1,235",
    "-0.5",
  ]);
  expect(formatFigure(Number.NaN)).toBe("NaN");
});

test("bytes are given in SI units", () => {
  expect([0, 999, 1000, 35_200_000, 999_999_999].map(formatBytes)).toEqual([
    "0 B",
    "999 B",
    "1 kB",
    "35.2 MB",
    "1 GB",
  ]);
});

test("durations carry over from seconds to minutes, hours and days without a 60", () => {
  expect(
    [
      0, 0.2, 42, 99, 100, 420, 9_949, 9_950, 59_600, 83_000, 3_599_600, 5_400_000, 86_399_000, 180_000_000,
    ].map(formatDuration),
  ).toEqual([
    "0.0 s",
    "1 ms",
    "42 ms",
    "99 ms",
    "0.1 s",
    "0.4 s",
    "9.9 s",
    "10 s",
    "1 min 0 s",
    "1 min 23 s",
    "1 h 0 min",
    "1 h 30 min",
    "1 d 0 h",
    "2 d 2 h",
  ]);
});
